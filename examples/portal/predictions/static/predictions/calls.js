// The client of djwto, and calls of the API in the shape that the page shows.

import { createClient } from "../djwto/client.js";

const REASONS = {
  200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
  404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large",
  415: "Unsupported Media Type", 500: "Internal Server Error",
};
const PATIENCE_MS = 6000;

// The page counts down to the expiry, and a box on it says whether to renew ahead of that. Without
// `ahead` the client would do so by itself.
export const auth = createClient({
  prefix: document.querySelector("meta[name=cookie-prefix]").content,
  ahead: false,
});

// Never throws: a server that cannot be reached is the reply with status 0.
export async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await auth.fetch(path, { method, body, headers, signal });
    const data = await response.json().catch(() => null);
    const { ok, status } = response;
    return { method, path, ok, status, reason: REASONS[status] ?? "", data };
  } catch {
    return { method, path, ok: false, status: 0, reason: "No reply", data: null };
  }
}
