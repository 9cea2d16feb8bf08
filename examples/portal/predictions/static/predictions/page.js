// The page: what is shown when, and what each button does.

import { call, claims, logIn, logOut, predict } from "./api.js";
import { alone, renew } from "./renewal.js";
import * as sessions from "./sessions.js";
import {
  clockTime, explain, explainEnd, explainLogin, isEnded, minutes, permissions,
} from "./words.js";

const $ = (id) => document.getElementById(id);
const now = () => Date.now() / 1000;

// The access cookies vanish when the token expires, though the refresh token may live on. This mark
// lets a reload know that a renewal is worth a try, and tells the other tabs. It holds no secret.
const MARK = "djwto-portal-logged-in";
const SOON = 0.2; // the last fifth of a token's life is shown in the colour of a warning

// Whether to renew in that last fifth without being asked. All tabs do as the one last changed.
const BY_ITSELF = "djwto-portal-renews-by-itself";
const PAUSE = 5; // seconds between two attempts

let session = null; // the claims last seen; kept after they expire, so that the page can say whose
let lastAttempt = 0;

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
  $("by-itself").checked = Boolean(localStorage.getItem(BY_ITSELF));
  $("by-itself").addEventListener("change", ({ target }) => {
    if (target.checked) localStorage.setItem(BY_ITSELF, "yes");
    else localStorage.removeItem(BY_ITSELF);
  });
  sessions.setUp({ busy, say, session: () => session, over: sessionOver });
  $("claims-box").open = matchMedia("(min-width: 56rem)").matches;
  addEventListener("storage", followOtherTab);
  // Whoever comes back to this tab may have logged in or out elsewhere.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && session) sessions.load();
  });
  setInterval(tick, 250);
  const found = claims();
  // The cookie can outlive its token by the second that whole numbers leave unsaid.
  if (found && found.exp > now()) showSession(found);
  else if (found || localStorage.getItem(MARK)) await resume();
}

// --- Log in, renew, log out ---

async function submitLogin(event) {
  event.preventDefault();
  const reply = await busy(event.submitter, () => alone(
    () => logIn($("username").value, $("password").value, $("remember").checked),
  ));
  if (!reply) return;
  const found = claims();
  if (reply.ok && found) {
    showSession(found);
    $("session-title").focus();
    return;
  }
  const words = reply.ok
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
  if (reply.ok && found) {
    showSession(found);
    say($("session-note"), `Access renewed until ${clockTime(found.exp)}.`);
  } else if (reply.status === 401) {
    await sessionOver(reply);
  } else if (!reply.ok) {
    say($("session-note"), explain(reply, who()), true);
  }
}

async function leave() {
  const reply = await alone(logOut);
  if (reply.ok) showLogin("You are logged out, and the cookies are gone.");
  else say($("session-note"), explain(reply, who()), true);
}

async function resume() {
  const reply = await renew();
  if (reply.ok && claims()) showSession(claims());
  else if (reply.status === 401) endSession(explainEnd(reply));
  else say($("login-note"), explain(reply, null), true);
}

// The server has ended this login, though a cookie may still say otherwise. That goes too, unless
// another tab has logged in meanwhile.
async function sessionOver(reply) {
  if (!session) return; // another tab has said so already
  const { sid } = session;
  showLogin(explainEnd(reply));
  await alone(() => claims()?.sid === sid && logOut());
}

// --- Calls ---

async function callEndpoint({ method, path, granted }) {
  const reply = await call(method, path);
  showReply(reply, reply.ok ? granted : explain(reply, who()));
  if (isEnded(reply)) await sessionOver(reply);
  else $("reply").scrollIntoView({ block: "nearest" });
}

async function submitPrediction(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const inputs = Object.fromEntries([...form].map(([name, value]) => [name, Number(value)]));
  const reply = await busy(event.submitter, () => predict(inputs));
  if (!reply) return;
  const words = reply.ok ? `The model says ${euros(reply.data.price)}.` : explain(reply, who());
  $("price").hidden = false;
  $("price").textContent = reply.ok ? euros(reply.data.price) : words;
  $("price").className = reply.ok ? "price" : "message bad";
  showReply(reply, words);
  if (isEnded(reply)) await sessionOver(reply);
}

function showReply(reply, words) {
  $("reply-line").hidden = false;
  $("reply-request").textContent = `${reply.method} ${reply.path}`;
  $("reply-status").textContent = `${reply.status || ""} ${reply.reason}`.trim();
  $("reply-status").classList.toggle("bad", !reply.ok);
  $("reply-words").textContent = words;
  $("reply-body").hidden = reply.data === null;
  $("reply-body").textContent = JSON.stringify(reply.data, null, 2);
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
  sessions.load();
}

function showLogin(note) {
  endSession(note);
  $("username").focus();
}

function endSession(note) {
  session = null;
  localStorage.removeItem(MARK);
  sessions.clear();
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
  if (found && found.jti !== session.jti) return showSession(found); // another tab renewed
  const over = isOver();
  const left = over ? 0 : session.exp - now();
  const share = left / (session.exp - session.iat);
  $("time").textContent = minutes(left);
  $("bar").value = share;
  $("clock").classList.toggle("soon", !over && share < SOON);
  if (over && !$("clock").classList.contains("over")) {
    say($("session-note"), "The access token has expired. Renew it to go on.", true);
  }
  $("clock").classList.toggle("over", over);
  if (share < SOON && $("by-itself").checked && now() > lastAttempt + PAUSE) {
    lastAttempt = now();
    renewAccess();
  }
}

// By the clock, or because the browser has dropped the cookie: its own clock may be another one.
function isOver() {
  return session.exp <= now() || !claims();
}

function followOtherTab({ key, newValue }) {
  if (key === BY_ITSELF) $("by-itself").checked = Boolean(newValue);
  if (key !== MARK) return;
  if (newValue && claims()) showSession(claims());
  else if (!newValue) endSession("You were logged out in another tab.");
}

function show(name) {
  $("login").hidden = name !== "login";
  $("session").hidden = name !== "session";
  $("sessions").hidden = name !== "session";
  $("to-sessions").hidden = name !== "session";
}

function who() {
  return session && { username: session.user.username, expired: isOver() };
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
