// What the page says about a reply: what happened, and what to do next.

const UNREACHABLE = "The server cannot be reached. Check that the demo is still running, then try again.";

// Of a reply of the API, `{ status, data }`, or of an error of the client. `session` is
// `{ username }`, or null where no user is logged in.
export function explain({ status, data, ...refusal }, session) {
  const { code, error } = data ?? refusal;
  if (status === 0) return UNREACHABLE;
  if (status === 401 && !session) return "This endpoint needs a login. Log in, then call it again.";
  if (status === 401) return "The server no longer accepts this token. Log out, then log in again.";
  if (status === 403 && code === "csrf_failed") {
    return "The CSRF token is missing or old. Reload the page, then try again.";
  }
  if (status === 403) {
    return `${session?.username ?? "This user"} lacks the permission for this. Log in as carol or admin.`;
  }
  if (status === 400) return `${error ?? "The server did not understand."} Correct it, then try again.`;
  if (status >= 500) return "The server failed, and its log says why. Try again later.";
  if (status >= 400) return error ?? "The server refused the call.";
  return "";
}

// Why the server has ended the session, or would not renew it.
export function explainEnd(code) {
  switch (code) {
    case "token_blacklisted":
      return "This session was ended: from another browser, or by a new password. Log in again.";
    case "refresh_reused":
      return "This session was used from two places at once, so the server ended it to be safe. "
        + "Log in again. If somebody else may know your password, change it.";
    default:
      return "Your session is over. Log in again.";
  }
}

// A refused login carries the messages of Django's form.
export function explainLogin(refusal) {
  if (refusal.status !== 401) return explain(refusal, null);
  const advice = "Try alice, carol or admin with the password “pass”.";
  const messages = Object.values(refusal.errors).flat().map(({ message }) => message);
  return [...messages, advice].join(" ");
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
