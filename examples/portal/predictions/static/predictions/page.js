// The page: what is shown when, and what each button does.

import { auth, call } from "./calls.js";
import * as sessions from "./sessions.js";
import { clockTime, explain, explainEnd, explainLogin, minutes, permissions } from "./words.js";

const $ = (id) => document.getElementById(id);

const SOON = 0.2; // the last fifth of a token's life is shown in the colour of a warning

// Whether to renew in that last fifth without being asked. All tabs do as the one last changed.
const BY_ITSELF = "djwto-portal-renews-by-itself";
const PAUSE_MS = 5000; // between two attempts

let session = null; // the claims that are shown
let lastAttempt = -PAUSE_MS;

start();

function start() {
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
  sessions.setUp({ busy, say, session: () => session });
  $("claims-box").open = matchMedia("(min-width: 56rem)").matches;
  addEventListener("storage", ({ key, newValue }) => {
    if (key === BY_ITSELF) $("by-itself").checked = Boolean(newValue);
  });
  // The user may have opened or ended sessions elsewhere.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && session) sessions.load();
  });
  setInterval(tick, 250);
  auth.onChange(follow);
}

// What this tab, another one or the server did.
function follow(claims, { type, code, elsewhere }) {
  if (claims) showSession(claims);
  else if (type === "end") showLogin(explainEnd(code));
  else if (elsewhere) endSession("You were logged out in another tab.");
  else if (type === "logout") showLogin("You are logged out, and the cookies are gone.");
}

// --- Log in, renew, log out ---

async function submitLogin(event) {
  event.preventDefault();
  // `mode` matters only where the server's default is another one.
  const fields = new FormData(event.target);
  fields.set("mode", "TWO-COOKIES");
  try {
    if (await busy(event.submitter, () => auth.login(fields))) goOn();
  } catch (error) {
    say($("login-error"), explainLogin(error), true);
    say($("login-note"), "");
    invalid(error.status === 401);
    $("password").select();
    $("password").focus();
  }
}

// A guard on another host may have sent the user here. return/ checks `next`, so the page need not.
function goOn() {
  const { search } = location;
  const isSentHere = new URLSearchParams(search).has("next");
  if (isSentHere) location.assign(`api/token/refresh/return/${search}`);
  else $("session-title").focus();
}

async function renewAccess() {
  try {
    const { exp } = await auth.renew();
    say($("session-note"), `Access renewed until ${clockTime(exp)}.`);
  } catch (error) {
    if (session) say($("session-note"), explain(error, who()), true);
  }
}

async function leave() {
  try {
    await auth.logout();
  } catch (error) {
    say($("session-note"), explain(error, who()), true);
  }
}

// --- Calls ---

async function callEndpoint({ method, path, granted }) {
  const reply = await call(method, path);
  showReply(reply, reply.ok ? granted : explain(reply, who()));
  $("reply").scrollIntoView({ block: "nearest" });
}

async function submitPrediction(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const inputs = Object.fromEntries([...form].map(([name, value]) => [name, Number(value)]));
  const reply = await busy(event.submitter, () => (
    call("POST", "/api/predict/", JSON.stringify(inputs))
  ));
  if (!reply) return;
  const words = reply.ok ? `The model says ${euros(reply.data.price)}.` : explain(reply, who());
  $("price").hidden = false;
  $("price").textContent = reply.ok ? euros(reply.data.price) : words;
  $("price").className = reply.ok ? "price" : "message bad";
  showReply(reply, words);
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
  const isLeft = session !== null;
  endSession(note);
  if (isLeft) $("username").focus();
}

function endSession(note) {
  // A user may be typing already where the page only now learns that no session goes on.
  if (session) $("login-form").reset();
  session = null;
  sessions.clear();
  $("who").textContent = "Not logged in";
  $("price").hidden = true;
  say($("login-error"), "");
  say($("login-note"), note);
  invalid(false);
  show("login");
}

function tick() {
  if (!session) return;
  const left = auth.left() / 1000;
  const share = left / (session.exp - session.iat);
  $("time").textContent = minutes(left);
  $("bar").value = share;
  $("clock").classList.toggle("soon", left > 0 && share < SOON);
  if (left === 0 && !$("clock").classList.contains("over")) {
    say($("session-note"), "The access token has expired. The next call renews it.", true);
  }
  $("clock").classList.toggle("over", left === 0);
  if (share < SOON && $("by-itself").checked && performance.now() > lastAttempt + PAUSE_MS) {
    lastAttempt = performance.now();
    renewAccess();
  }
}

function show(name) {
  $("login").hidden = name !== "login";
  $("session").hidden = name !== "session";
  $("sessions").hidden = name !== "session";
  $("to-sessions").hidden = name !== "session";
}

function who() {
  return session && { username: session.user.username };
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
