import { createApi, type Reply } from "./api.js";
import { DjwtoError } from "./errors.js";
import { bornOf, idOf, lifeOf, type Mark, parse, payload, readMark, writeMark } from "./storage.js";
import type { Change, Claims, Client, Fields, Listener, Options, Session } from "./types.js";

// A guard answers so before the view runs: the request may be sent again, whatever its method. A
// cookie is missing where the browser dropped it at its end, and an authorization where it did and
// the first mode of the server is JSON.
const REFUSED =
  /^(token_expired|(cookie|authorization)_missing|cookie_ambiguous|token_blacklisted|session_unknown)$/;
const SAFE = /^(GET|HEAD|OPTIONS|TRACE)$/;

const PAUSE = 1000; // milliseconds that a timer runs at least
const LONGEST = 600_000; // milliseconds that a timer runs: its clock may stop while the machine sleeps
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
    base = "/", prefix = "", refreshPath = "api/token/refresh", timeout = 6000,
    ahead = true, extend = false,
  } = options;
  const isBrowser = typeof document !== "undefined"; // else a server renders the page
  const root = new URL(base.replace(/\/*$/, "/"), isBrowser ? document.baseURI : "https://localhost");
  const refresh = `${refreshPath.replace(/^\/+|\/+$/g, "")}/`;
  const isSameOrigin = isBrowser && root.origin === location.origin;
  const name = `djwto ${root.href} ${prefix}`; // of the lock, the channel and the mark

  const api = createApi(root, isSameOrigin);
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

  function inCookie(): C | null {
    const read = isSameOrigin ? claimsIn({ claims: payload(`${prefix}jwt_access_payload`) }) : null;
    return read?.sid && read.sid === ended ? null : read;
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
    claims = next;
    born = at;
    bornSteady = performance.now() - Math.max(0, Date.now() - at);
    isSeen = next !== null && idOf(inCookie()) === idOf(next);
    if (next || !elsewhere) writeMark(name, next, at);
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

  // What another tab has put into the cookie.
  function adopt(found: C): void {
    const type = claims === undefined ? "start" : found.sid === claims?.sid ? "renewal" : "login";
    set(found, type, "", bornOf(found, readMark(name)), true);
  }

  function claimsIn(data: Reply): C | null {
    const known = Object(data.claims) as C;
    return known.user instanceof Object ? known : null;
  }

  function needClaims(data: Reply): C {
    const known = claimsIn(data);
    // Such as the page of a hotel's network, which answers for every server.
    if (!known) throw new DjwtoError(200, "", "The reply is not one of djwto's.");
    return known;
  }

  async function present(): Promise<C> {
    return inCookie() ?? needClaims(await api.call("GET", "session/", undefined, timeout));
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
    const found = inCookie();
    if (found && idOf(found) !== before) return adopt(found);
    if (claims && idOf(claims) !== before) return; // another tab has renewed meanwhile
    const path = `${refresh}${extend ? "update_refresh/" : "refresh_access/"}`;
    for (let isAgain = false; ; isAgain = true) {
      const at = Date.now();
      try {
        const data = await api.call("POST", path, { jwt_type: "refresh" }, timeout);
        return set(needClaims(data), claims ? "renewal" : "start", "", at);
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

  async function end(code: string): Promise<void> {
    const sid = claims?.sid;
    const found = inCookie();
    if (found && found.sid !== sid) return adopt(found); // another tab has logged in meanwhile
    // The cookies would go on naming the user.
    if (found) await api.call("DELETE", `${refresh}logout/`).catch(() => null);
    set(null, "end", code);
  }

  async function renewOnce(): Promise<void> {
    const before = idOf(claims);
    let wait = 0; // seconds, where the server said so
    try {
      await alone(() => renewAlone(before));
    } catch (error) {
      if (error instanceof DjwtoError) wait = error.retryAfter;
      throw error;
    } finally {
      // The pauses become longer until there are new claims, whatever the reply was.
      if (idOf(claims) !== before) failures = 0;
      isTold = wait > 0;
      quietUntil = performance.now() + (wait || Math.min(2 ** failures++, 60)) * 1000;
      renewal = undefined;
      schedule();
    }
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
    const found = inCookie();
    const mark = readMark(name);
    if (found && idOf(found) !== idOf(claims)) adopt(found);
    else if (!found && claims && mark === null) set(null, "logout", "", Date.now(), true);
    else if (!found && (claims === undefined || (mark && mark.id !== idOf(claims)))) await ask(mark);
    if (ahead && claims && (isOver() || left() < lifeOf(claims) * SHARE)) await renewQuietly();
    schedule();
  }

  // No cookie tells who is logged in. The server does, if the access token lives on.
  async function ask(mark: Mark): Promise<void> {
    const isStart = claims === undefined;
    try {
      if (!mark || mark.until > Date.now()) {
        const next = await present();
        return set(next, isStart ? "start" : "login", "", bornOf(next, mark), !isStart);
      }
    } catch {
      // It does not live on.
    }
    await renewQuietly();
  }

  async function start(): Promise<void> {
    const found = inCookie();
    const mark = readMark(name);
    if (found) set(found, "start", "", bornOf(found, mark));
    else if (mark === null) set(null, "start");
    else await ask(mark);
  }

  let ready = Promise.resolve();
  if (isBrowser) {
    const { signal } = closing;
    channel?.addEventListener("message", ({ data }: MessageEvent<Message<C>>) => {
      // Another session than this tab's has ended.
      if (!data.claims && claims && claims.sid !== data.sid) return;
      if (data.type === "login") api.forget();
      set(data.claims && (inCookie() ?? data.claims), data.type, data.code, data.born, true);
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
      const isRequest = input instanceof Request;
      const url = new URL(isRequest ? input.url : input, root);
      if (url.origin !== root.origin) return fetch(input, init); // it gets no token of ours
      const method = (init.method ?? (isRequest ? input.method : "GET")).toUpperCase();
      const given = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
      const wantsCsrf = !SAFE.test(method) && !given.has("X-CSRFToken");
      const isOnce = init.body instanceof ReadableStream; // it cannot be read again
      await ready;
      if (claims && isOver()) await renewQuietly();
      let isFresh = false;
      let isRenewed = false;
      for (;;) {
        const headers = new Headers(given);
        if (wantsCsrf) headers.set("X-CSRFToken", await api.csrfToken(isFresh).catch(() => ""));
        const sent = idOf(claims);
        const response = await fetch(
          isRequest ? input.clone() : url, { credentials: "include", ...init, headers },
        );
        const { status } = response;
        if (isOnce || (status !== 401 && status !== 403)) return response;
        const { code = "" } = parse(await response.clone().text()) as Reply;
        if (wantsCsrf && !isFresh && code === "csrf_failed") isFresh = true;
        else if (isRenewed || status !== 401 || !REFUSED.test(code) || !claims) return response;
        else {
          isRenewed = true;
          // Where a renewal has passed meanwhile, its token was not tried yet.
          if (idOf(claims) === sent && !await renewQuietly()) return response;
        }
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
