// The app, as a job of GitHub Actions sees it: how to sign in to it, ask it, and read what it answers.
'use strict';

const { appendFileSync } = require('node:fs');
const { setTimeout: pause } = require('node:timers/promises');

const BUSY = [429, 502, 503, 504];
const TRIES = 6;
const LOOK_AGAIN = 5; // seconds, where nobody says
const LONGEST_CALL = 100; // seconds
const LONGEST_PAUSE = 60; // seconds

// An input of action.yml. The runner keeps the hyphens of its name.
function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
}

// Writes for the runner: an output of this step, or what the post step shall know. No value of ours has two lines.
function note(file, name, value) {
  appendFileSync(process.env[file], `${name}=${value}\n`);
}

// What people see: a line of the log, or an annotation (`error`, `warning`), in which a line's end is written as %0A.
function say(level, text) {
  const line = text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  console.log(level ? `::${level}::${line}` : text.replaceAll(/\s+/g, ' '));
}

function againIn(answer) {
  return Math.min(Number.parseInt(answer.headers.get('retry-after') ?? '', 10) || LOOK_AGAIN, LONGEST_PAUSE);
}

// One answer; who is away or busy is asked again. Everything that is sent here may be sent twice.
async function insist(url, options) {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(LONGEST_CALL * 1000) });
      if (!BUSY.includes(answer.status) || tries === TRIES) return answer;
      await pause(againIn(answer) * 1000);
    } catch (error) {
      if (tries === TRIES) throw new Error(`${new URL(url).host} does not answer: ${error.cause?.message ?? error.message}`);
      await pause(LOOK_AGAIN * 1000);
    }
  }
}

async function read(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

// What stood in the way: everything at once.
function explain(status, problem) {
  const issues = (problem.issues ?? []).map((issue) => issue.message);
  return [`${status}: ${problem.detail ?? problem.error_description ?? 'no more is known'}`, ...issues].join('\n');
}

// A token for the app, for which GitHub vouches: there is no secret, and a job that runs for hours gets a new one.
async function signIn() {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = process.env;
  if (!url || !bearer) throw new Error('GitHub vouches for this job only with "permissions: id-token: write".');
  const vouched = await insist(`${url}&audience=${encodeURIComponent('api://AzureADTokenExchange')}`, {
    headers: { Authorization: `Bearer ${bearer}` },
  });
  const answer = await insist(`${input('authority')}/${input('tenant-id')}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: input('client-id'),
      scope: `${input('audience')}/.default`,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: (await read(vouched)).value ?? '',
    }),
  });
  const document = await read(answer);
  if (!answer.ok) throw new Error(`Signing in failed. ${explain(answer.status, document)}`);
  console.log(`::add-mask::${document.access_token}`);
  return document.access_token;
}

// The app for who holds this token: (method, path, body, headers) => {status, document, againIn}.
function connect(token) {
  return async (method, path, body, headers = {}) => {
    const answer = await insist(input('address').replace(/\/+$/, '') + path, {
      method,
      body,
      headers: { ...headers, Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) },
    });
    return { status: answer.status, document: await read(answer), againIn: againIn(answer) };
  };
}

// The grant that a request got. Sent twice with one key, it is one request and one grant. The cause of an error is its
// status.
async function ask(call, wish, key) {
  const { status, document } = await call('POST', '/api/grants', wish, { 'Idempotency-Key': key, Prefer: 'wait=1' });
  if (status > 299) throw new Error(`Not opened. ${explain(status, document)}`, { cause: status });
  return document;
}

// Ends a grant, or a request that waits.
async function end(call, id) {
  const answer = await call('POST', `/api/grants/${id}/revoke`);
  if (answer.status > 299) throw new Error(explain(answer.status, answer.document));
}

module.exports = { ask, connect, end, explain, input, note, pause, say, signIn };
