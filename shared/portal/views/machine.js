// One machine with everything about it.

import { html, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { nameOf, portName } from '../format.js';
import { useAnswer } from '../hooks.js';
import { Loading, Problem, Time } from '../ui.js';
import { Ask } from './ask.js';
import { Timeline } from './activity.js';
import { StateBadge } from './grant.js';
import { State } from './machines.js';
import { Policy, Removal } from './policy.js';

export function Machine({ id, person }) {
  const [dialog, setDialog] = useState('');
  const found = useAnswer(() => api.machine(id), [id], 15_000);
  const machine = found.value;
  if (!machine) return found.error ? html`<${Problem} error=${found.error} again=${found.again} />` : html`<${Loading} what="Looking at the machine" />`;
  const administers = person.roles.has('Administrator') && machine.state !== 'unsupported';
  const done = () => { setDialog(''); found.again(); };
  return html`
    <p><a href="#/configured">← Machines</a></p>
    <h1><bdi>${machine.name}</bdi></h1>
    <${Problem} error=${found.error} />
    ${machine.policy ? html`<${State} row=${machine} stays=${machine.grants} />` : machine.reasons.map((reason) => html`<p>${reason.message}</p>`)}
    <div class="tools">
      ${machine.policy && person.roles.has('Requestor') && html`<button type="button" class="primary" onClick=${() => setDialog('ask')}>Request access</button>`}
      ${administers && html`<button type="button" onClick=${() => setDialog('policy')}>${machine.policy ? 'Edit' : 'Enable JIT'}</button>`}
      ${administers && machine.policy && html`<button type="button" class="danger" onClick=${() => setDialog('remove')}>Remove</button>`}
    </div>
    <${Properties} machine=${machine} />
    ${machine.grants.length > 0 && html`
      <h2>Requests</h2>
      <ul class="plain">${machine.grants.map((grant) => html`<li key=${grant.id}><a href=${`#/grants/${grant.id}`}><${StateBadge} state=${grant.state} /></a> <bdi>${grant.requestor.name}</bdi>, <${Time} at=${grant.requestedAt} /></li>`)}</ul>`}
    ${['Requestor', 'Administrator', 'Auditor'].some((role) => person.roles.has(role)) && html`<h2>Activity</h2><${Timeline} machine=${machine.id} person=${person} />`}
    ${dialog === 'ask' && html`<${Ask} machine=${machine} onClose=${() => setDialog('')} />`}
    ${dialog === 'policy' && html`<${Policy} machines=${[machine]} onClose=${() => setDialog('')} onDone=${done} />`}
    ${dialog === 'remove' && html`<${Removal} machine=${machine} onClose=${() => setDialog('')} onDone=${done} />`}`;
}

function Properties({ machine }) {
  const row = (term, value) => value && html`<dt>${term}</dt><dd>${value}</dd>`;
  const exposure = machine.exposure.map((one) => `${portName(one.port)} through ${one.rule || 'no group'}`);
  return html`
    <h2>Properties</h2>
    <dl class="facts">
      ${row('Resource group', html`<bdi>${machine.resourceGroup}</bdi>, ${machine.location}`)}
      ${row('System', [machine.os, machine.power].filter(Boolean).join(', '))}
      ${row('Addresses', [...machine.privateAddresses, ...machine.publicAddresses].join(', '))}
      ${row('The Internet reaches', exposure.length > 0 && exposure.map((text) => html`<p>${text}</p>`))}
      ${row('Network security groups', machine.nsgs.map((nsg) => html`<p><bdi>${nameOf(nsg.id)}</bdi> <span class="quiet">${nsg.rules} rules, ${nsg.rulesOfPostern} of Postern</span></p>`))}
      ${row('May be asked for', machine.policy?.ports.map((port) => html`<p>${portName(port.number)} ${port.protocol}</p>`))}
      ${row('Last access', machine.use?.lastAccess && html`<${Time} at=${machine.use.lastAccess.at} /> by <bdi>${machine.use.lastAccess.by.name}</bdi>`)}
      ${row('Attempts, 24 h', machine.attemptsLast24Hours?.toLocaleString())}
      ${row('Policy set', machine.changedAt && html`<${Time} at=${machine.changedAt} />${machine.changedBy && html` by <bdi>${machine.changedBy.name}</bdi>`}`)}
      ${row('Resource id', html`<code class="long">${machine.id}</code>`)}
    </dl>`;
}
