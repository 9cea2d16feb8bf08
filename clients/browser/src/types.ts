/** What the access token says of its user. */
export interface User {
  id: unknown;
  /** `"app.codename"`; `"*"` stands for all of them. */
  perms?: string[];
  /** The permissions were too many for a cookie: only the server knows them. */
  perms_omitted?: boolean;
  [name: string]: unknown;
}

/** The claims of the access token. Times are in seconds, by the clock of the server. */
export interface Claims {
  user: User;
  sid?: string;
  jti?: string;
  iat?: number;
  exp?: number;
  [name: string]: unknown;
}

/** Why the claims are others than before. */
export interface Change {
  /**
   * - `start`: the page has opened and knows who is logged in; null, where no user is.
   * - `end`: the server has ended the session; `code` says why, such as `token_blacklisted`.
   */
  type: "start" | "login" | "renewal" | "logout" | "end";
  /** The server's code, where there is one. */
  code: string;
  /** Another tab did it. */
  elsewhere: boolean;
}

/** A session of the user: from a login to its end. */
export interface Session {
  id: string;
  device: string;
  address: string | null;
  created_at: string;
  last_used_at: string;
  /** It is the session of this browser. */
  current: boolean;
  renewed_elsewhere_at: string | null;
}

export interface Options {
  /** Where djwto's addresses begin, as the browser sees it: `"https://api.example.com"`, `"/shop"`. */
  base?: string;
  /** `DJWTO_COOKIE_PREFIX`. */
  prefix?: string;
  /** `DJWTO_REFRESH_COOKIE_PATH`. */
  refreshPath?: string;
  /** `CSRF_HEADER_NAME` as it is sent, `"X-CSRFToken"` by default. */
  csrfHeader?: string;
  /** Milliseconds for a renewal to be answered. Less than half of `DJWTO_REFRESH_GRACE`, 10 seconds. */
  timeout?: number;
  /** Renew before the token expires; else only when a call needs it. */
  ahead?: boolean;
  /** Each renewal starts the refresh token's lifetime anew: a session in use goes on. */
  extend?: boolean;
  /** A page that knows of no login asks the server as it opens: for logins that the client did not make. */
  ask?: boolean;
}

export type Fields = Record<string, string> | URLSearchParams | FormData;

export type Listener<C extends Claims = Claims> = (claims: C | null, change: Change) => void;

export interface Client<C extends Claims = Claims> {
  /** Resolves when the page knows who is logged in, or that the server cannot be reached. */
  readonly ready: Promise<void>;
  /** The claims; `null` where no user is logged in, `undefined` while that is not known. */
  readonly claims: () => C | null | undefined;
  /** Milliseconds until the access token expires, by this machine's measure of time. */
  readonly left: () => number;
  /** Calls the listener after each change, and returns a function that stops this. */
  readonly onChange: (listener: Listener<C>) => () => void;
  /** Logs in with the fields of the form. Rejects with `DjwtoError`, as the others do. */
  readonly login: (fields: Fields) => Promise<C>;
  /** Ends the session and clears the cookies. */
  readonly logout: () => Promise<void>;
  /** Renews now. There is no need to, where `fetch` makes the calls. */
  readonly renew: () => Promise<C>;
  /** As the browser's `fetch`, with the CSRF token and a renewal where one is needed. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Where the user is logged in. */
  readonly sessions: () => Promise<Session[]>;
  /** Ends one of these sessions. */
  readonly endSession: (id: string) => Promise<void>;
  /** Ends all sessions, or all others, and returns how many there were. */
  readonly logoutAll: (options?: { others?: boolean }) => Promise<number>;
  /** Stops timers and listeners: the client is not used again. */
  readonly close: () => void;
}
