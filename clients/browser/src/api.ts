// Calls of djwto's own endpoints, and the CSRF token that they and guarded views want.

import { DjwtoError, type FieldError } from "./errors.js";
import { cookie, parse } from "./storage.js";
import type { Fields } from "./types.js";

/** What the replies may hold. They come from outside, so each member may be absent. */
export interface Reply {
  code?: string;
  error?: string;
  errors?: Record<string, FieldError[]>;
  csrf_token?: string;
  claims?: unknown;
  sessions?: unknown;
  ended?: number;
}

export interface Api {
  call: (method: string, path: string, fields?: Fields, patience?: number) => Promise<Reply>;
  /** `isFresh`: the token that was known is refused. */
  csrfToken: (isFresh: boolean) => Promise<string>;
  /** Another tab has logged in: its token is in the cookie, or with the server. */
  forget: () => void;
}

const PATIENCE = 30_000; // milliseconds

export function createApi(root: URL, isSameOrigin: boolean, csrfHeader: string): Api {
  let known = ""; // from the last reply that had one
  let distrustsCookie = false; // `csrftoken` is another application's

  async function csrfToken(isFresh: boolean): Promise<string> {
    if (isFresh) distrustsCookie = true;
    else {
      // Another tab may have logged in since the last reply here.
      const token = (isSameOrigin && !distrustsCookie && cookie("csrftoken")) || known;
      if (token) return encodeURIComponent(token); // a planted one may fit into no header
    }
    return (await call("GET", "csrf/")).csrf_token ?? "";
  }

  async function call(
    method: string, path: string, fields?: Fields, patience = PATIENCE, isFresh = false,
  ): Promise<Reply> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (method !== "GET" && path !== "login/") headers[csrfHeader] = await csrfToken(isFresh);
    let response, data;
    try {
      response = await fetch(new URL(path, root), {
        method, headers, credentials: "include", cache: "no-store",
        redirect: "error", // else a password or a CSRF token may go to another server
        signal: AbortSignal.timeout(patience),
        body: fields ? new URLSearchParams(fields as Record<string, string>) : null,
      });
      data = parse(await response.text()) as Reply;
    } catch {
      throw new DjwtoError(0, "no_reply", "The server cannot be reached.");
    }
    if (data.csrf_token) known = data.csrf_token;
    // Without JSON it is another server's, such as that of a hotel's network.
    if (response.ok && (response.status === 204 || Object.keys(data)[0])) return data;
    const { code = "", error = `The server answered ${response.status}.`, errors } = data;
    if (code === "csrf_failed" && !isFresh) return call(method, path, fields, patience, true);
    const retryAfter = Math.max(0, Number(response.headers.get("Retry-After")) || 0);
    throw new DjwtoError(response.status, code, error, errors, retryAfter);
  }

  return {
    call,
    csrfToken,
    forget() {
      known = "";
    },
  };
}
