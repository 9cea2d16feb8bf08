// How the page talks to the server, and what it may know without asking.

const REASONS = {
  200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
  404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large",
  415: "Unsupported Media Type", 500: "Internal Server Error",
};

// From the last reply that carried one. A page of another origin has only this; here the cookie
// is preferred, because another tab may have logged in since.
let csrfFromReply = "";

const REFRESH = "/api/token/refresh";
const PAYLOAD = document.querySelector("meta[name=payload-cookie]").content;

// Other tabs may be waiting for this one, and a renewal whose reply was lost must be asked for
// again while the server still takes that for a retry (DJWTO_REFRESH_GRACE, 10 s).
const PATIENCE_MS = 6000;

// The claims of the access token, or null. The server made the cookie plain base64 of ASCII JSON
// with sorted keys, so `atob` is all it takes. The tokens themselves are out of a script's reach.
export function claims() {
  try {
    return JSON.parse(atob(cookie(PAYLOAD)));
  } catch {
    return null;
  }
}

export function logIn(username, password, remember) {
  // `mode` matters only where the server's default is another one.
  const body = new URLSearchParams({ username, password, mode: "TWO-COOKIES" });
  if (remember) body.set("remember", "on");
  return call("POST", "/login/", body);
}

export function refreshAccess() {
  return call("POST", `${REFRESH}/refresh_access/`, new URLSearchParams({ jwt_type: "refresh" }));
}

export function logOut() {
  return call("DELETE", `${REFRESH}/logout/`);
}

export function listSessions() {
  return call("GET", `${REFRESH}/sessions/`);
}

export function endSession(id) {
  return call("DELETE", `${REFRESH}/sessions/${encodeURIComponent(id)}/`);
}

export function endOtherSessions() {
  const body = new URLSearchParams({ jwt_type: "refresh", others: "true" });
  return call("POST", `${REFRESH}/logout_all/`, body);
}

export function predict(inputs) {
  return call("POST", "/api/predict/", JSON.stringify(inputs), "application/json");
}

// Never throws: a server that cannot be reached is the reply with status 0.
export async function call(method, path, body, contentType) {
  const headers = { Accept: "application/json" };
  if (contentType) headers["Content-Type"] = contentType;
  if (method !== "GET") headers["X-CSRFToken"] = cookie("csrftoken") || csrfFromReply;
  let response, text;
  try {
    response = await fetch(path, {
      method, body, headers, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS),
    });
    text = await response.text();
  } catch {
    return { method, path, ok: false, status: 0, reason: "No reply", data: null };
  }
  const data = json(text);
  if (data?.csrf_token) csrfFromReply = data.csrf_token;
  const { ok, status } = response;
  return { method, path, ok, status, reason: REASONS[status] ?? "", data };
}

function cookie(name) {
  const found = document.cookie.split("; ").find((item) => item.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : "";
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
