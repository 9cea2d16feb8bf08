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

// Whether a refusal says that the whole login is over, not just one token.
export function isEnded({ status, data }) {
  return status === 401 && ["token_blacklisted", "session_unknown"].includes(data?.code);
}

// Why a renewal was refused for good.
export function explainEnd({ data }) {
  switch (data?.code) {
    case "token_blacklisted":
      return "This session was ended: from another browser, or by a new password. Log in again.";
    case "refresh_reused":
      return "This session was used from two places at once, so the server ended it to be safe. "
        + "Log in again. If somebody else may know your password, change it.";
    default:
      return "Your session is over. Log in again.";
  }
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

export function dateTime(text) {
  const date = new Date(text);
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return date.toLocaleString(undefined, {
    year, month: "short", day: "numeric", hour: "numeric", minute: "2-digit",
  });
}

export function ago(text) {
  const seconds = (Date.now() - new Date(text)) / 1000;
  if (seconds < 60) return "just now"; // or a clock that is behind the server's
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60]]
    .find(([, size]) => seconds >= size);
  const format = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  return format.format(-Math.floor(seconds / length), unit);
}

export function permissions(user) {
  if (user.perms_omitted) return "too many for a cookie; the server looks them up";
  if (user.perms.includes("*")) return "all";
  return user.perms.join(", ") || "none";
}

function isCsrf(data) {
  return String(data?.code ?? "").includes("csrf");
}
