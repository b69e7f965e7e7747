// The page on which a person confirms a machine: signs in, looks the code up, decides. Talks to /api/v2 alone.
"use strict";

const LETTERS = /[^BCDFGHJKLMNPQRSTVWXZ]/g;
const SYSTEMS = { windows: "Windows", macos: "macOS", linux: "Linux" };
const signInForm = document.getElementById("sign-in-form");
const codeForm = document.getElementById("code-form");
const machineForm = document.getElementById("machine-form");
let session = null;
let code = tidy(new URLSearchParams(location.search).get("code") ?? "");
let isBusy = false;

function tidy(typed) {
  const letters = typed.toUpperCase().replace(LETTERS, "");
  return letters.length > 4 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters;
}

function show(id) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  document.querySelector(`#${id} h1`)?.focus({ preventScroll: true });
}

function write(selector, text) {
  for (const element of document.querySelectorAll(selector)) element.textContent = text;
}

function fail(form, message) {
  const failure = form.querySelector(".failure");
  failure.textContent = message;
  failure.hidden = message === "";
}

function tell(form, field, message) {
  form.elements[field].setAttribute("aria-invalid", String(message !== ""));
  document.getElementById(`${field}-error`).textContent = message;
  if (message !== "") form.elements[field].focus();
}

async function ask(method, path, body) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (session !== null) headers["X-CSRF-Token"] = session.csrf_token;
  const content = body === undefined ? undefined : JSON.stringify(body);
  const answer = await fetch(`/api/v2${path}`, { method, headers, body: content, cache: "no-store" });
  return [answer.status, answer.status === 204 ? null : await answer.json()];
}

function waiting(what = "") {
  return `/agent-authorizations/${encodeURIComponent(code)}${what}`;
}

function begin(found) {
  session = found;
  write("[data-email]", session.email);
  return code ? look() : show("code");
}

async function open() {
  show("loading");
  try {
    const [status, body] = await ask("GET", "/session");
    if (status === 200) return await begin(body);
    return show(status === 401 ? "sign-in" : "broken");
  } catch {
    return show("broken");
  }
}

function askForCode(message) {
  codeForm.elements.code.value = code;
  show("code");
  tell(codeForm, "code", message);
}

async function look() {
  const [status, body] = await ask("GET", waiting());
  if (status === 401) return signOut();
  if (status === 404) return askForCode("No machine waits with this code. It may have expired: start again there.");
  if (status === 422) return askForCode("A code has eight letters, such as BCDF-GHJK.");
  if (status === 429) return askForCode("Too many tries. Wait five minutes, then try again.");
  if (status !== 200) return show("broken");
  return offer(body);
}

function offer(found) {
  const machine = found.machine;
  write("[data-code]", code);
  write("[data-hostname]", machine.hostname);
  write("[data-username]", machine.username);
  write("[data-system]", `${SYSTEMS[machine.os] ?? machine.os} ${machine.os_version}, agent ${machine.app_version}`);
  write("[data-address]", machine.address);
  if (found.state === "denied") return show("denied");
  if (found.state !== "pending") return show("approved");
  if (found.teams.length === 0) return show("no-seat");
  const choices = found.teams.map((team) => new Option(team.name, team.id, false, team.id === session.team_id));
  machineForm.elements.team.replaceChildren(...choices);
  document.getElementById("team-field").hidden = found.teams.length < 2;
  return show("machine");
}

async function decide(what) {
  const body = what === "approval" ? { team_id: Number(machineForm.elements.team.value) } : undefined;
  const [status, answer] = await ask("POST", waiting(`/${what}`), body);
  if (status === 200) return show(answer.state);
  if (status === 401 || answer.code === "csrf_token_invalid") return signOut();
  if (status === 404) return askForCode("This code has expired. Start again at the machine.");
  if (answer.code === "authorization_decided") return look();
  if (answer.code === "person_has_no_seat") return show("no-seat");
  return fail(machineForm, "Something went wrong on the server. Try again.");
}

async function signIn() {
  const { email, password } = signInForm.elements;
  const [status, body] = await ask("POST", "/session", { email: email.value.trim(), password: password.value });
  if (status === 200) {
    password.value = "";
    return begin(body);
  }
  if (status === 429) return fail(signInForm, "Too many tries. Wait a minute, then try again.");
  if (status === 401 || status === 422) return tell(signInForm, "password", "The address and the password do not belong together.");
  return fail(signInForm, "Something went wrong on the server. Try again.");
}

async function signOut() {
  if (session !== null) await ask("DELETE", "/session");
  session = null;
  show("sign-in");
}

// Runs one thing at a time; the button that asked for it shows that it works.
async function busy(button, form, work) {
  if (isBusy) return;
  isBusy = true;
  button?.setAttribute("aria-disabled", "true");
  if (form) fail(form, "");
  try {
    await work();
  } catch {
    if (form) fail(form, "The server does not answer. Check your connection, then try again.");
    else show("broken");
  }
  button?.removeAttribute("aria-disabled");
  isBusy = false;
}

signInForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const { email, password } = signInForm.elements;
  tell(signInForm, "password", password.value ? "" : "Enter your password.");
  tell(signInForm, "email", email.value.trim() ? "" : "Enter your e-mail address.");
  if (email.value.trim() && password.value) busy(event.submitter, signInForm, signIn);
});

codeForm.addEventListener("submit", (event) => {
  event.preventDefault();
  code = tidy(codeForm.elements.code.value);
  if (code.length !== 9) return tell(codeForm, "code", "A code has eight letters, such as BCDF-GHJK.");
  return busy(event.submitter, codeForm, look);
});

machineForm.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.submitter, machineForm, () => decide("approval"));
});

document.getElementById("deny").addEventListener("click", (event) => {
  busy(event.currentTarget, machineForm, () => decide("denial"));
});

for (const form of [signInForm, codeForm]) {
  form.addEventListener("input", (event) => {
    if (event.target.getAttribute("aria-invalid") === "true") tell(form, event.target.name, "");
  });
}

for (const button of document.querySelectorAll(".sign-out")) {
  button.addEventListener("click", () => busy(button, null, signOut));
}

document.getElementById("retry").addEventListener("click", () => busy(null, null, open));
open();
