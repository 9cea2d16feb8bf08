export { createClient } from "./client.js";
export { DjwtoError, type FieldError } from "./errors.js";
export type {
  Change, Claims, Client, Fields, Listener, Options, Session, User,
} from "./types.js";
