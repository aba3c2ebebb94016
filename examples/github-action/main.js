// Opens the port, and returns when it is open.
'use strict';

const { randomUUID } = require('node:crypto');

const { ask, connect, explain, input, note, pause, say, signIn } = require('./postern.js');

const WAITS = ['pending', 'scheduled', 'opening'];

function describe() {
  const source = input('source');
  const ports = input('ports').split(',').map((number) => ({
    number: Number(number),
    // Without a source, the app lets in the address that it sees this runner come from.
    ...(source && { allowedSourceAddressPrefix: source }),
  }));
  const ticket = input('ticket');
  return JSON.stringify({
    machine: input('machine'),
    ports,
    duration: `PT${Number(input('minutes'))}M`,
    justification: input('justification'),
    ...(ticket && { ticket }),
  });
}

async function settle(call, grant) {
  const late = Date.now() + Number(input('patience-minutes')) * 60_000;
  while (WAITS.includes(grant.state)) {
    const answer = await call('GET', `/api/grants/${grant.id}`);
    if (answer.status !== 200) throw new Error(explain(answer.status, answer.document));
    grant = answer.document;
    if (!WAITS.includes(grant.state)) break;
    const left = late - Date.now();
    if (left <= 0) throw new Error(`Not opened: it is still ${grant.state}. The request is taken back.`);
    say('', `The request is ${grant.state}.`);
    await pause(Math.min(answer.againIn * 1000, left));
  }
  if (grant.state !== 'active') throw new Error(`Not opened: it is ${grant.state} (${grant.reason}).`);
  return grant;
}

async function main() {
  const wish = describe();
  const key = randomUUID();
  const call = connect(await signIn());
  // Noted before anything is asked: even if this job is cancelled now, the post step finds what it has to close.
  note('GITHUB_STATE', 'key', key);
  note('GITHUB_STATE', 'wish', wish);
  const grant = await settle(call, await ask(call, wish, key));
  note('GITHUB_OUTPUT', 'grant', grant.id);
  note('GITHUB_OUTPUT', 'host', grant.connect?.host ?? '');
  note('GITHUB_OUTPUT', 'until', grant.endTimeUtc);
  say('', `Open until ${grant.endTimeUtc}, or until this job ends.`);
}

main().catch((error) => {
  // Refused for good: there is nothing to close.
  if (error.cause >= 400 && error.cause < 500) note('GITHUB_STATE', 'refused', 'true');
  say('error', error.message);
  process.exitCode = 1;
});
