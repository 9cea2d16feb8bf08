// What the page says about a reply: what happened, and what to do next.

const UNREACHABLE = "The server cannot be reached. Check that the demo is still running, then try again.";

// `session` is { username, expired }, or null when nobody is logged in.
export function explain({ status, data }, session) {
  if (status === 0) return UNREACHABLE;
  if (status === 401 && !session) return "This endpoint needs a login. Log in, then call it again.";
  if (status === 401 && session.expired) {
    return "The access token has expired. Choose “Renew access”, then call again.";
  }
  if (status === 401) return "The server no longer accepts this token. Log out, then log in again.";
  if (status === 403 && isCsrf(data)) {
    return "The CSRF token is missing or old. Reload the page, then try again.";
  }
  if (status === 403) {
    return `${session?.username ?? "This user"} lacks the permission for this. Log in as carol or admin.`;
  }
  if (status === 400) return `${data?.error ?? "The server did not understand."} Correct it, then try again.`;
  if (status >= 500) return "The server failed, and its log says why. Try again later.";
  if (status >= 400) return data?.error ?? "The server refused the call.";
  return "";
}

// A refused login carries Django's form errors as JSON text inside `error`.
export function explainLogin(reply) {
  if (reply.status !== 401) return explain(reply, null);
  const advice = "Try alice, carol or admin with the password “pass”.";
  try {
    const errors = Object.values(JSON.parse(reply.data.error)).flat();
    return [...errors.map((error) => error.message ?? error), advice].join(" ");
  } catch {
    return `The login was refused. ${advice}`;
  }
}

export function minutes(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function clockTime(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString();
}

export function permissions(user) {
  if (user.perms_omitted) return "too many for a cookie; the server looks them up";
  if (user.perms.includes("*")) return "all";
  return user.perms.join(", ") || "none";
}

function isCsrf(data) {
  return String(data?.code ?? "").includes("csrf");
}
