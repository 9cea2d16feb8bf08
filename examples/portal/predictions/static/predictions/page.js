// The page: what is shown when, and what each button does.

import { call, claims, logIn, logOut, predict, renew } from "./api.js";
import { clockTime, explain, explainLogin, minutes, permissions } from "./words.js";

const $ = (id) => document.getElementById(id);
const now = () => Date.now() / 1000;

// The access cookies vanish when the token expires, though the refresh token may live on. This mark
// lets a reload know that a renewal is worth a try. It holds no secret.
const MARK = "djwto-portal-logged-in";
const SOON = 0.2; // the last fifth of a token's life is shown in the colour of a warning

let session = null; // the claims last seen; kept after they expire, so that the page can say whose

start();

async function start() {
  $("login-form").addEventListener("submit", submitLogin);
  $("predict-form").addEventListener("submit", submitPrediction);
  onClick($("renew"), renewAccess);
  onClick($("logout"), leave);
  for (const button of document.querySelectorAll("[data-user]")) {
    button.addEventListener("click", () => fillIn(button.dataset.user));
  }
  for (const button of document.querySelectorAll("[data-path]")) {
    onClick(button, () => callEndpoint(button.dataset));
  }
  setInterval(tick, 250);
  if (claims()) showSession(claims());
  else if (localStorage.getItem(MARK)) await resume();
}

// --- Log in, renew, log out ---

async function submitLogin(event) {
  event.preventDefault();
  const reply = await busy(event.submitter, () => logIn($("username").value, $("password").value));
  if (!reply) return;
  const found = claims();
  if (reply.status === 200 && found) {
    showSession(found);
    $("session-title").focus();
    return;
  }
  const words = reply.status === 200
    ? "You are logged in, but without readable claims. Add TWO-COOKIES to PORTAL_MODE."
    : explainLogin(reply);
  say($("login-error"), words, true);
  say($("login-note"), "");
  invalid(reply.status === 401);
  $("password").select();
  $("password").focus();
}

async function renewAccess() {
  const reply = await renew();
  const found = claims();
  if (reply.status === 200 && found) {
    showSession(found);
    say($("session-note"), `Access renewed until ${clockTime(found.exp)}.`);
  } else if (reply.status === 401) {
    showLogin("The session is over. Log in again.");
  } else {
    say($("session-note"), explain(reply, who()), true);
  }
}

async function leave() {
  const reply = await logOut();
  if (reply.status === 200) showLogin("You are logged out, and the cookies are gone.");
  else say($("session-note"), explain(reply, who()), true);
}

async function resume() {
  const reply = await renew();
  if (reply.status === 200 && claims()) showSession(claims());
  else if (reply.status === 0) say($("login-note"), explain(reply, null), true);
  else endSession("Your session is over. Log in again.");
}

// --- Calls ---

async function callEndpoint({ method, path, granted }) {
  showReply(await call(method, path), granted);
}

async function submitPrediction(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const inputs = Object.fromEntries([...form].map(([name, value]) => [name, Number(value)]));
  const reply = await busy(event.submitter, () => predict(inputs));
  if (!reply) return;
  const ok = reply.status === 200;
  $("price").hidden = !ok;
  if (ok) $("price").textContent = euros(reply.data.price);
  showReply(reply, ok ? `The model says ${euros(reply.data.price)}.` : "");
}

function showReply(reply, granted) {
  const ok = reply.status >= 200 && reply.status < 300;
  $("reply-line").hidden = false;
  $("reply-request").textContent = `${reply.method} ${reply.path}`;
  $("reply-status").textContent = `${reply.status || ""} ${reply.reason}`.trim();
  $("reply-status").classList.toggle("bad", !ok);
  $("reply-words").textContent = ok ? granted : explain(reply, who());
  $("reply-body").hidden = reply.data === null;
  $("reply-body").textContent = JSON.stringify(reply.data, null, 2);
  $("reply").scrollIntoView({ block: "nearest" });
}

// --- What is shown ---

function showSession(found) {
  session = found;
  localStorage.setItem(MARK, "yes");
  const { user } = found;
  $("session-title").textContent = `Logged in as ${user.username}`;
  $("who").textContent = `Logged in as ${user.username}`;
  $("facts").replaceChildren(...facts([
    ["User", `${user.username}, id ${user.id}`],
    ["E-mail", user.email || "none"],
    ["Permissions", permissions(user)],
    ["Issued", clockTime(found.iat)],
    ["Expires", clockTime(found.exp)],
  ]));
  $("claims").textContent = JSON.stringify(found, null, 2);
  say($("session-note"), "");
  show("session");
  tick();
}

function showLogin(note) {
  endSession(note);
  $("username").focus();
}

function endSession(note) {
  session = null;
  localStorage.removeItem(MARK);
  $("who").textContent = "Not logged in";
  $("login-form").reset();
  $("price").hidden = true;
  say($("login-error"), "");
  say($("login-note"), note);
  invalid(false);
  show("login");
}

function tick() {
  if (!session) return;
  const found = claims();
  // Another tab renewed, or logged out.
  if (found && found.jti !== session.jti) return showSession(found);
  const left = session.exp - now();
  if (!found && left > 2) return endSession("You were logged out in another tab.");
  const share = Math.max(0, left / (session.exp - session.iat));
  $("time").textContent = minutes(left);
  $("bar").value = share;
  $("clock").classList.toggle("soon", share > 0 && share < SOON);
  const over = left <= 0;
  if (over && !$("clock").classList.contains("over")) {
    say($("session-note"), "The access token has expired. Renew it to go on.", true);
  }
  $("clock").classList.toggle("over", over);
}

function show(name) {
  $("login").hidden = name !== "login";
  $("session").hidden = name !== "session";
}

function who() {
  return session && { username: session.user.username, expired: session.exp <= now() };
}

function facts(pairs) {
  return pairs.flatMap(([term, value]) => {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = value;
    return [dt, dd];
  });
}

function fillIn(username) {
  $("username").value = username;
  $("password").value = "pass";
  say($("login-error"), "");
  invalid(false);
  $("login-form").querySelector("[type=submit]").focus();
}

// The elements are live regions: always on the page, and without room of their own while empty.
function say(element, words, bad = false) {
  element.textContent = words;
  element.classList.toggle("bad", bad);
}

function invalid(yes) {
  for (const field of [$("username"), $("password")]) {
    field.setAttribute("aria-invalid", String(yes));
    if (yes) field.setAttribute("aria-describedby", "login-error");
    else field.removeAttribute("aria-describedby");
  }
}

function euros(amount) {
  return new Intl.NumberFormat("en", { style: "currency", currency: "EUR", maximumFractionDigits: 0 })
    .format(amount);
}

function onClick(button, action) {
  button.addEventListener("click", () => busy(button, action));
}

// One press at a time. The button stays focusable, so that the keyboard does not lose its place.
async function busy(button, action) {
  if (button.getAttribute("aria-busy") === "true") return undefined;
  button.setAttribute("aria-busy", "true");
  try {
    return await action();
  } finally {
    button.removeAttribute("aria-busy");
  }
}
