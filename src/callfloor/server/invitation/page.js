// The page of one invitation: asks what its link opens, and accepts it. Talks to /api/v2 alone.
"use strict";

const token = location.pathname.split("/").pop();
const address = `/api/v2/invitations/${encodeURIComponent(token)}/acceptance`;
const SHORTEST = 12;
const ENDED = {
  invitation_used: ["This invitation was accepted", "Its link works once. Sign in with your e-mail address and the password you chose."],
  invitation_expired: ["This invitation has expired", "Ask the person who invited you to send it again."],
  invitation_revoked: ["This invitation was taken back", "Ask the person who invited you if you think this is a mistake."],
  invitation_unknown: ["This link is not valid", "Open the newest mail you got: every new mail replaces the link of the one before. If it does not help, ask for another invitation."],
};
const form = document.getElementById("form");
const submit = document.getElementById("submit");
let hasAccount = false;
let isBusy = false;

function show(id) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  document.querySelector(`#${id} h1`)?.focus({ preventScroll: true });
}

function write(selector, text) {
  for (const element of document.querySelectorAll(selector)) element.textContent = text;
}

function end(code) {
  const [title, text] = ENDED[code] ?? ENDED.invitation_unknown;
  document.title = `${title} · Callfloor`;
  write("#ended-sign", code === "invitation_used" ? "✓" : "×");
  write("#ended-title", title);
  write("#ended-text", text);
  show("ended");
}

async function ask(options) {
  const answer = await fetch(address, { credentials: "omit", cache: "no-store", ...options });
  return [answer.status, await answer.json()];
}

async function open() {
  show("loading");
  try {
    const [status, body] = await ask({});
    if (status === 200) return offer(body);
    if (status >= 500 || status === 429) return show("broken");
    return end(body.code);
  } catch {
    return show("broken");
  }
}

function offer(invitation) {
  hasAccount = invitation.has_account;
  const until = new Date(invitation.expires_at);
  write("[data-team]", invitation.team_name);
  write("[data-email]", invitation.email);
  document.title = `Join ${invitation.team_name} · Callfloor`;
  form.elements.email.value = invitation.email;
  const shown = document.getElementById("until");
  shown.dateTime = invitation.expires_at;
  shown.textContent = until.toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
  if (hasAccount) {
    document.getElementById("names").hidden = true;
    document.getElementById("lead-new").hidden = true;
    document.getElementById("lead-known").hidden = false;
    document.getElementById("password-hint").hidden = true;
    form.elements.password.autocomplete = "current-password";
  }
  show("open");
}

function tell(field, message) {
  form.elements[field].setAttribute("aria-invalid", String(message !== ""));
  document.getElementById(`${field}-error`).textContent = message;
}

function fail(message) {
  const failure = document.getElementById("failure");
  failure.textContent = message;
  failure.hidden = message === "";
}

function isRight() {
  const first = form.elements.first_name.value.trim();
  const length = [...form.elements.password.value].length;
  tell("first_name", hasAccount || first ? "" : "Enter your first name.");
  tell("last_name", "");
  if (hasAccount) tell("password", length ? "" : "Enter the password of your account.");
  else tell("password", length >= SHORTEST ? "" : length ? `This has ${length} of at least ${SHORTEST} characters.` : "Choose a password.");
  form.querySelector('[aria-invalid="true"]')?.focus();
  return form.querySelector('[aria-invalid="true"]') === null;
}

function refuse(status, body) {
  if (status === 410) return end(body.code);
  if (body.code === "password_refused" || (hasAccount && status === 422)) {
    tell("password", "This is not the password of your account.");
  } else if (body.code === "account_changed") {
    return open();
  } else if (status === 422) {
    for (const { field, message } of body.errors ?? []) if (field in form.elements) tell(field, `This ${message}.`);
  } else if (body.code === "already_member") {
    fail("You are a member of this team already. Sign in instead.");
  } else if (status === 429) {
    fail("Too many tries. Wait a minute, then try again.");
  } else {
    fail("Something went wrong on the server. Try again.");
  }
  return form.querySelector('[aria-invalid="true"]')?.focus();
}

async function join() {
  const fields = { first_name: "", last_name: "", password: form.elements.password.value };
  if (!hasAccount) {
    fields.first_name = form.elements.first_name.value.trim();
    fields.last_name = form.elements.last_name.value.trim();
  }
  try {
    const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) };
    const [status, body] = await ask(request);
    if (status !== 200) return refuse(status, body);
    document.title = "Welcome · Callfloor";
    form.reset();
    return show("joined");
  } catch {
    return fail("The server does not answer. Check your connection, then try again.");
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  fail("");
  if (isBusy || !isRight()) return;
  isBusy = true;
  submit.setAttribute("aria-disabled", "true");
  submit.textContent = "Joining …";
  await join();
  isBusy = false;
  submit.setAttribute("aria-disabled", "false");
  submit.textContent = "Join the team";
});

form.addEventListener("input", (event) => {
  if (event.target.getAttribute("aria-invalid") === "true") tell(event.target.name, "");
});

document.getElementById("reveal").addEventListener("click", (event) => {
  const password = form.elements.password;
  const isShown = password.type === "text";
  password.type = isShown ? "password" : "text";
  event.target.textContent = isShown ? "Show" : "Hide";
  event.target.setAttribute("aria-pressed", String(!isShown));
  password.focus();
});

document.getElementById("retry").addEventListener("click", open);
open();
