/** A message for a field of the login's form, with the code of Django's `ValidationError`. */
export interface FieldError {
  message: string;
  code: string;
}

/** A refusal of the server, or no reply at all. */
export class DjwtoError extends Error {
  override readonly name = "DjwtoError";

  constructor(
    /** The status of the reply; 0 where none came. */
    readonly status: number,
    /** The server's code, such as `credentials_invalid`; `no_reply`, or empty for a reply of others. */
    readonly code: string,
    /** The server's sentence. */
    readonly error: string,
    /** Of a failed login: messages by field, `__all__` for the form. */
    readonly errors: Record<string, FieldError[]> = {},
    /** Seconds to wait before asking again; 0 where the server did not say. */
    readonly retryAfter = 0,
  ) {
    super(error);
  }
}
