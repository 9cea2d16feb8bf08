// The card "Your sessions": where this user is logged in, and the end of what should not be.

import { auth } from "./calls.js";
import { ago, dateTime, explain } from "./words.js";

const $ = (id) => document.getElementById(id);
const FEW = 4; // more are a press away

let page = null;
let shown = []; // the sessions of the last reply, this browser's first
let all = false;

// `page` has `busy` and `say`, and `session()`, what it shows.
export function setUp(ofPage) {
  page = ofPage;
  $("sessions-others").addEventListener("click", () => page.busy($("sessions-others"), endOthers));
  $("sessions-more").addEventListener("click", showAll);
}

export async function load() {
  let rows;
  try {
    rows = await auth.sessions();
  } catch (error) {
    // Where the session has ended, the page says so.
    if (page.session()) page.say($("sessions-note"), explain(error, null), true);
    return;
  }
  if (!page.session()) return;
  if ($("sessions-note").classList.contains("bad")) page.say($("sessions-note"), "");
  shown = rows.sort((one, other) => other.current - one.current);
  render();
}

export function clear() {
  shown = [];
  all = false;
  page.say($("sessions-note"), "");
  render();
}

async function endOne(row) {
  const place = shown.indexOf(row);
  try {
    await auth.endSession(row.id);
  } catch (error) {
    // 404: it has ended meanwhile.
    if (error.status !== 404) return refuse(error);
  }
  page.say($("sessions-note"), `${name(row)} is logged out.`);
  await load();
  return focusNear(place);
}

async function endOthers() {
  let ended;
  try {
    ended = await auth.logoutAll({ others: true });
  } catch (error) {
    return refuse(error);
  }
  page.say($("sessions-note"), ended === 1 ? "1 session was ended." : `${ended} sessions were ended.`);
  await load();
  return focusNear(0);
}

function refuse(error) {
  if (page.session()) page.say($("sessions-note"), explain(error, null), true);
}

function render() {
  const others = shown.length - 1;
  const few = all ? shown : shown.slice(0, FEW);
  const list = $("sessions-list");
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.session;
  list.replaceChildren(...few.map(item));
  // A list that comes anew by itself must not take the keyboard's place away.
  if (focused) list.querySelector(`[data-session="${focused}"]`)?.focus();
  $("sessions-more").hidden = few.length === shown.length;
  $("sessions-more").textContent = `Show all ${shown.length}`;
  $("sessions-actions").hidden = others < 1;
  $("sessions-words").textContent = others < 1
    ? "You are logged in here and nowhere else."
    : "Where you are logged in. End what you do not know, or no longer need.";
}

function item(row) {
  const li = document.createElement("li");
  const text = li.appendChild(document.createElement("div"));
  const title = text.appendChild(element("p", name(row), "device"));
  if (row.current) title.append(" ", element("span", "This browser", "tag"));
  text.append(
    element("p", [row.address, `last used ${ago(row.last_used_at)}`].filter(Boolean).join(" · ")),
    element("p", `Signed in ${dateTime(row.created_at)}`),
  );
  if (!row.current) {
    const button = li.appendChild(element("button", "End"));
    button.type = "button";
    button.dataset.session = row.id;
    button.setAttribute("aria-label", `End ${name(row)}, signed in ${dateTime(row.created_at)}`);
    button.addEventListener("click", () => page.busy(button, () => endOne(row)));
  }
  return li;
}

function name(row) {
  return row.device || "Unknown device";
}

function showAll() {
  const place = $("sessions-list").children.length;
  all = true;
  render();
  focusNear(place);
}

// The button that was pressed is gone; the keyboard goes on where it was.
function focusNear(place) {
  const buttons = [...$("sessions-list").children].slice(place).map((li) => li.querySelector("button"));
  (buttons.find(Boolean) ?? $("sessions-title")).focus();
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}
