import { createApi, type Reply } from "./api.js";
import { DjwtoError } from "./errors.js";
import { bornOf, canKeep, idOf, lifeOf, type Mark, parse, payload, readMark, writeMark } from "./storage.js";
import type { Change, Claims, Client, Fields, Listener, Options, Session } from "./types.js";

// A guard answers so before the view runs: the request may be sent again, whatever its method. A
// cookie is missing where the browser dropped it at its end, and an authorization where it did and
// the first mode of the server is JSON.
const REFUSED =
  /^(token_expired|(cookie|authorization)_missing|cookie_ambiguous|token_blacklisted|session_unknown)$/;
const SAFE = /^(GET|HEAD|OPTIONS|TRACE)$/;

const PAUSE = 1000; // milliseconds between two renewals that no user asked for
const LONGEST = 600_000; // milliseconds that a timer runs: its clock may stop while the machine sleeps
const REFUSED_PAUSE = 10_000; // milliseconds, where a new token was refused as well
const SHARE = 0.2; // of the token's life is left when it is renewed ahead

interface Message<C> {
  claims: C | null;
  sid: string | undefined; // of the session before
  type: Change["type"];
  code: string;
  born: number;
}

/** Make the client of a page. One is enough for all of its scripts. */
export function createClient<C extends Claims = Claims>(options: Options = {}): Client<C> {
  const {
    base = "/", prefix = "", refreshPath = "api/token/refresh", csrfHeader = "X-CSRFToken",
    timeout = 4000, ahead = true, extend = false, ask: asks = false,
  } = options;
  const isBrowser = typeof document !== "undefined"; // else a server renders the page
  const root = new URL(base.replace(/\/*$/, "/"), isBrowser ? document.baseURI : "https://localhost");
  const refresh = `${refreshPath.replace(/^\/+|\/+$/g, "")}/`;
  const isSameOrigin = isBrowser && root.origin === location.origin;
  const name = `djwto ${root.href} ${prefix}`; // of the lock, the channel and the mark

  const api = createApi(root, isSameOrigin, csrfHeader);
  const listeners = new Set<Listener<C>>();
  const closing = new AbortController();
  const channel = isBrowser && "BroadcastChannel" in globalThis ? new BroadcastChannel(name) : null;

  let claims: C | null | undefined;
  let born = 0; // when the access token came, by `Date.now()`
  let bornSteady = 0; // and by `performance.now()`
  let isSeen = false; // the payload cookie held these claims
  let ended: string | undefined; // the session that is over, though a cookie may name it
  let renewal: Promise<void> | undefined;
  let looking: Promise<void> | undefined;
  let failures = 0;
  let quietUntil = 0; // by `performance.now()`
  let isTold = false; // the server said how long to wait
  let timer: ReturnType<typeof setTimeout> | undefined;

  // --- What is known ---

  function readCookie(): C | null {
    return isSameOrigin ? claimsIn({ claims: payload(`${prefix}jwt_access_payload`) }) : null;
  }

  function isEnded(known: C | null): boolean {
    return Boolean(known?.sid) && known?.sid === ended;
  }

  function inCookie(): C | null {
    const read = readCookie();
    return isEnded(read) ? null : read;
  }

  // What another tab, or a page without a client, has put into the cookie.
  function notice(mark: Mark): C | null {
    const found = inCookie();
    if (found && idOf(found) !== idOf(claims)) set(found, "renewal", "", bornOf(found, mark), true);
    return found;
  }

  // A clock may be wrong, may be set, or may stop while the machine sleeps. Two of them measure how
  // long ago the token came, and the longer time counts.
  function left(): number {
    const age = Math.max(performance.now() - bornSteady, Date.now() - born);
    return claims ? Math.max(0, lifeOf(claims) - age) : 0;
  }

  function isOver(): boolean {
    return left() === 0 || (isSeen && !inCookie());
  }

  function set(
    next: C | null, type: Change["type"], code = "", at = Date.now(), elsewhere = false,
  ): void {
    if (claims !== undefined && idOf(claims) === idOf(next)) return schedule();
    const sid = claims?.sid;
    if (claims && !next) ended = sid;
    if (isEnded(next)) ended = undefined;
    if (type === "renewal" && next?.sid !== sid) type = claims === undefined ? "start" : "login";
    claims = next;
    born = at;
    bornSteady = performance.now() - Math.max(0, Date.now() - at);
    isSeen = next !== null && idOf(inCookie()) === idOf(next);
    if (next || !(elsewhere || type === "start")) writeMark(name, next, at);
    if (!elsewhere && type !== "start" && !closing.signal.aborted) {
      channel?.postMessage({ claims: next, sid, type, code, born: at } satisfies Message<C>);
    }
    schedule();
    // A listener that is added right after the client was made hears of the start, too.
    queueMicrotask(() => {
      for (const listener of listeners) {
        try {
          listener(next, { type, code, elsewhere });
        } catch (error) {
          reportError(error); // as an event listener's is
        }
      }
    });
  }

  function claimsIn(data: Reply): C | null {
    const known = Object(data.claims) as C;
    return known.user instanceof Object ? known : null;
  }

  function needClaims(data: Reply): C {
    const known = claimsIn(data);
    // Such as one of JSON mode.
    if (!known) throw new DjwtoError(200, "", "The reply is not one of djwto's.");
    return known;
  }

  // A logout may be faster than a reply.
  function needAlive(next: C): C {
    if (isEnded(next)) throw new DjwtoError(200, "", "The session has ended meanwhile.");
    return next;
  }

  async function present(): Promise<C> {
    return inCookie()
      ?? needAlive(needClaims(await api.call("GET", "session/", undefined, timeout)));
  }

  // --- Renewals ---

  // One tab at a time, where the browser has locks. They save requests, and nothing depends on
  // them: a tab that has waited for too long goes ahead.
  async function alone<T>(action: () => Promise<T>): Promise<T> {
    let isHeld = false;
    try {
      return await navigator.locks.request(name, { signal: AbortSignal.timeout(timeout / 2) }, () => {
        isHeld = true;
        return action();
      }) as T;
    } catch (error) {
      if (isHeld) throw error;
      return action();
    }
  }

  async function renewAlone(before: string): Promise<void> {
    notice(readMark(name));
    if (claims && idOf(claims) !== before) return; // another tab has renewed meanwhile
    const path = `${refresh}${extend ? "update_refresh/" : "refresh_access/"}`;
    for (let isAgain = false; ; isAgain = true) {
      const at = Date.now();
      try {
        const next = needClaims(await api.call("POST", path, { jwt_type: "refresh" }, timeout));
        if (isEnded(next)) await clear(next.sid); // this reply has brought the cookies back
        return set(needAlive(next), claims ? "renewal" : "start", "", at);
      } catch (error) {
        if (!(error instanceof DjwtoError)) throw error;
        const { code, retryAfter, status } = error;
        // Another tab has renewed, and has used what it got: the browser holds newer cookies.
        if (code === "refresh_superseded") return set(await present(), "renewal", "", at, true);
        // A lost reply may have renewed: asked at once, the server gives the same tokens again.
        // An ambiguous cookie was cleared by this very reply.
        const isLost = [0, 502, 503, 504].includes(status) && !retryAfter;
        if (isAgain || !(isLost || code === "cookie_ambiguous")) {
          // A token that is good from a later time on, by DJWTO_NBF_LIFETIME, ends nothing.
          const isRefused = status === 401 && code && code !== "token_not_yet_valid";
          if (isRefused || code === "user_inactive") await end(code);
          throw error;
        }
      }
    }
  }

  // The cookies would go on naming the user. Another tab may have logged in, so look whose.
  async function clear(sid: string | undefined): Promise<void> {
    if (sid && readCookie()?.sid === sid) {
      await api.call("DELETE", `${refresh}logout/`).catch(() => null);
    }
  }

  async function end(code: string): Promise<void> {
    const sid = claims?.sid;
    await clear(sid);
    const found = notice(readMark(name)); // another user may have logged in meanwhile
    if (claims?.sid === sid && (!found || found.sid === sid)) set(null, "end", code);
  }

  async function renewOnce(): Promise<void> {
    const before = idOf(claims);
    let wait = 0;
    try {
      await alone(() => renewAlone(before));
      if (idOf(claims) !== before) failures = -1; // else the answer has brought nothing new
    } catch (error) {
      if (error instanceof DjwtoError) wait = error.retryAfter;
      throw error;
    } finally {
      renewal = undefined;
      isTold = wait > 0;
      pause(Math.min(Math.max(wait * 1000, PAUSE, PAUSE * 2 ** failures), LONGEST));
      failures = Math.min(failures + 1, 6);
      schedule();
    }
  }

  function pause(milliseconds: number): void {
    quietUntil = performance.now() + milliseconds;
  }

  // All that need a renewal now share one.
  function renewNow(): Promise<void> {
    renewal ??= renewOnce();
    return renewal;
  }

  // Says whether there are new tokens. A failure asks for one renewal, and then there is a pause.
  async function renewQuietly(): Promise<boolean> {
    if (!renewal && performance.now() < quietUntil) return false;
    try {
      await renewNow();
    } catch {
      return false;
    }
    return Boolean(claims);
  }

  function schedule(): void {
    clearTimeout(timer);
    if (closing.signal.aborted || claims === null || (claims && !ahead)) return;
    const due = claims ? left() - lifeOf(claims) * SHARE : 0;
    if (Number.isNaN(due)) return; // Infinity less Infinity: it never expires
    const wait = Math.max(PAUSE, due, quietUntil - performance.now());
    timer = setTimeout(wake, Math.min(wait, LONGEST));
  }

  // --- What happens to the page ---

  function wake(): void {
    if (!document.hidden && !looking) keep(look()); // else when it is shown
  }

  function keep(task: Promise<void>): void {
    looking = task.finally(() => {
      looking = undefined;
    });
  }

  // Learns what other tabs did while this one was asleep, and renews where it is time.
  async function look(): Promise<void> {
    const mark = readMark(name);
    if (!notice(mark)) {
      if (claims && mark?.id === "") set(null, "logout", "", Date.now(), true);
      else if (claims === undefined || (mark && mark.id !== idOf(claims))) await ask(mark);
    }
    if (ahead && claims && (isOver() || left() < lifeOf(claims) * SHARE)) await renewQuietly();
    schedule();
  }

  // No cookie tells who is logged in. The server does, if the access token lives on.
  async function ask(mark: Mark): Promise<void> {
    const was = claims;
    const isStart = was === undefined;
    try {
      if (!mark || mark.until > Date.now()) {
        const next = await present();
        // Else a login or a logout was faster, and the reply is of the time before it.
        if (claims === was) {
          set(next, isStart ? "start" : "renewal", "", bornOf(next, mark), !isStart);
        }
        return;
      }
    } catch {
      // It does not live on.
    }
    await renewQuietly();
  }

  async function start(): Promise<void> {
    const found = inCookie();
    const mark = readMark(name);
    if (found) {
      set(found, "start", "", bornOf(found, mark));
      // A cookie may outlive its token by the second that whole numbers leave open.
      if (isOver()) await renewQuietly();
    } else if (!asks && (mark?.id === "" || (mark === null && canKeep(name)))) set(null, "start");
    else await ask(mark);
  }

  let ready = Promise.resolve();
  if (isBrowser) {
    const { signal } = closing;
    channel?.addEventListener("message", ({ data }: MessageEvent<Message<C>>) => {
      const { claims: given, sid, type, code, born: at } = Object(data) as Message<C>;
      const next = claimsIn({ claims: given });
      // Another session than this tab's has ended, or the message is of another version.
      if (!next && (given !== null || (claims && claims.sid !== sid))) return;
      if (isEnded(next) && type !== "login") return; // sent before it was over
      if (!next) ended = sid ?? ended;
      if (type === "login") api.forget();
      set(next && (inCookie() ?? next), type, code, at, true);
    });
    document.addEventListener("visibilitychange", wake, { signal });
    addEventListener("pageshow", wake, { signal });
    addEventListener("online", () => {
      if (!isTold) quietUntil = 0;
      wake();
    }, { signal });
    ready = start();
    keep(ready);
  }

  // --- For the page ---

  // Of sessions. A token that another tab has replaced a moment ago is refused, and no harm is done.
  async function manage(method: string, path: string, fields?: Fields): Promise<Reply> {
    const action = (): Promise<Reply> => api.call(method, refresh + path, fields);
    try {
      return await alone(action);
    } catch (error) {
      const isOfToken = error instanceof DjwtoError && [401, 409].includes(error.status);
      if (!isOfToken || !claims) throw error;
      await renewNow();
      return alone(action);
    }
  }

  async function send(input: string | URL | Request, init: RequestInit): Promise<Response> {
    const isRequest = input instanceof Request;
    const url = new URL(isRequest ? input.url : input, root);
    if (url.origin !== root.origin) return fetch(input, init); // it gets no token of ours
    const method = (init.method ?? (isRequest ? input.method : "GET")).toUpperCase();
    const given = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
    const wantsCsrf = !SAFE.test(method) && !given.has(csrfHeader);
    const isOnce = init.body instanceof ReadableStream; // it cannot be read again
    const credentials = isRequest && input.credentials === "omit" ? "omit" : "include";
    await ready;
    notice(readMark(name));
    if (claims && isOver()) await renewQuietly();
    let isFresh = false;
    let isRenewed = false;
    for (;;) {
      const headers = new Headers(given);
      if (wantsCsrf) headers.set(csrfHeader, await api.csrfToken(isFresh).catch(() => ""));
      const known = claims;
      const response = await fetch(
        isRequest ? input.clone() : url, { credentials, ...init, headers },
      );
      const { status } = response;
      const isJson = response.headers.get("Content-Type")?.includes("json"); // others may not end
      if (isOnce || !isJson || (status !== 401 && status !== 403)) return response;
      const { code = "" } = parse(await response.clone().text()) as Reply;
      if (wantsCsrf && !isFresh && code === "csrf_failed") isFresh = true;
      else if (status !== 401 || !REFUSED.test(code) || !claims) return response;
      else if (isRenewed) {
        pause(REFUSED_PAUSE);
        return response;
      } else {
        isRenewed = true;
        // Where a renewal has passed meanwhile, its token was not tried yet.
        if (claims === known && !await renewQuietly()) return response;
        if (claims.user.id !== known?.user.id) return response; // it was not this user's call
      }
    }
  }

  return {
    ready,
    claims: () => claims,
    left,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async login(fields) {
      await renewal?.catch(() => null);
      return alone(async () => {
        const at = Date.now();
        const next = needClaims(await api.call("POST", "login/", fields));
        set(next, "login", "", at);
        notice(readMark(name)); // a reply that came first may have been read later
        return next;
      });
    },
    async logout() {
      await renewal?.catch(() => null);
      await alone(() => api.call("DELETE", `${refresh}logout/`));
      set(null, "logout");
    },
    async renew() {
      await renewNow();
      return claims as C;
    },
    async fetch(input, init = {}) {
      const signal = init.signal ?? (input instanceof Request ? input.signal : null);
      signal?.throwIfAborted();
      const done = new AbortController();
      const aborted = new Promise<never>((_, reject) => {
        signal?.addEventListener("abort", () => {
          reject(signal.reason as Error);
        }, { signal: done.signal });
      });
      try {
        return await Promise.race([send(input, init), aborted]); // it may wait for a renewal
      } finally {
        done.abort();
      }
    },
    async sessions() {
      return (await manage("GET", "sessions/")).sessions as Session[];
    },
    async endSession(id) {
      await manage("DELETE", `sessions/${encodeURIComponent(id)}/`);
      if (id === claims?.sid) set(null, "logout");
    },
    async logoutAll({ others = false } = {}) {
      const fields = { jwt_type: "refresh", ...(others && { others: "true" }) };
      const { ended: count = 0 } = await manage("POST", "logout_all/", fields);
      if (!others) set(null, "logout");
      return count;
    },
    close() {
      closing.abort();
      channel?.close();
      clearTimeout(timer);
    },
  };
}
