// Asking for access: only what the policy offers can be chosen, and what would come of it is told before.

import { html, useMemo, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { count, durationOf, hoursOf, hoursText, portName } from '../format.js';
import { useAnswer, useSettled } from '../hooks.js';
import { Dialog, Field, Loading, Problem, Time, issuesOf } from '../ui.js';

const HOURS = [0.25, 0.5, 1, 2, 3, 4, 8, 12, 24];
const keyOf = (port) => `${port.number}/${(port.protocol || 'TCP').toUpperCase()}`;

export function Ask({ machine, onClose }) {
  const known = useAnswer(() => api.policy(machine.id), [machine.id]);
  return html`
    <${Dialog} title=${`Request access to ${machine.name}`} onClose=${onClose}>
      <${Problem} error=${known.error} again=${known.again} />
      ${known.loading && html`<${Loading} what="Reading what may be asked for" />`}
      ${known.value && html`<${Form} machine=${machine} policy=${known.value.document.policy} onClose=${onClose} />`}
    <//>`;
}

function Form({ machine, policy, onClose }) {
  const [chosen, setChosen] = useState(() => new Set(policy.ports.length === 1 ? [keyOf(policy.ports[0])] : []));
  const [hours, setHours] = useState(1);
  const [source, setSource] = useState('');
  const [justification, setJustification] = useState('');
  const [ticket, setTicket] = useState('');
  const [start, setStart] = useState('');
  const [breaking, setBreaking] = useState(false);
  const [state, setState] = useState({});
  const ports = policy.ports.filter((port) => chosen.has(keyOf(port)));
  const most = Math.min(...(ports.length ? ports : policy.ports).map((port) => hoursOf(port.maxRequestAccessDuration)));
  const needs = policy.justification || {};
  const wanted = useMemo(() => ({
    machine: machine.id,
    ports: ports.map((port) => wantedPort(port, source)),
    duration: durationOf(Math.min(hours, most)),
    ...(justification ? { justification } : {}),
    ...(ticket ? { ticket } : {}),
    ...(breaking ? { breakGlass: true } : {}),
    ...(start && !breaking ? { startTimeUtc: new Date(start).toISOString() } : {}),
  }), [machine.id, [...chosen].join(), hours, source, justification, ticket, start, breaking, most]);
  // The same request sent twice, since the first answer was lost, is one request; another one has another key.
  const key = useMemo(newKey, [wanted]);
  const settled = useSettled(wanted, 400);
  const told = useAnswer(() => (settled.ports.length ? api.previewGrant(settled) : undefined), [settled]);
  const send = async (event) => {
    event.preventDefault();
    setState({ busy: true });
    try {
      const grant = await api.askForAccess(wanted, key);
      location.hash = `#/grants/${grant.id}`;
    } catch (error) {
      setState({ error });
    }
  };
  const toggle = (port) => setChosen((before) => {
    const after = new Set(before);
    if (!after.delete(keyOf(port))) after.add(keyOf(port));
    return after;
  });
  const wrong = (path) => issuesOf(state.error, path);
  return html`
    <form onSubmit=${send}>
      <div class="body">
        <fieldset><legend>Ports</legend>
          ${policy.ports.map((port) => html`<label class="check" key=${keyOf(port)}><input type="checkbox" checked=${chosen.has(keyOf(port))} onChange=${() => toggle(port)} /> <span>${portName(port.number)} <span class="quiet">${(port.protocol || 'TCP').toUpperCase()}, at most ${hoursText(hoursOf(port.maxRequestAccessDuration))}</span></span></label>`)}
          ${wrong('ports').map((text) => html`<p class="danger" role="alert">${text}</p>`)}
        </fieldset>
        <${Field} id="hours" label="For how long" wrong=${wrong('duration')}>
          ${(ties) => html`<select ...${ties} value=${Math.min(hours, most)} onChange=${(event) => setHours(Number(event.target.value))}>
            ${[...new Set([...HOURS.filter((one) => one < most), most])].map((one) => html`<option value=${one}>${hoursText(one)}</option>`)}
          </select>`}
        <//>
        ${!breaking && html`
          <${Field} id="start" label="From when on" hint="Empty: as soon as may be. By your own clock." wrong=${wrong('startTimeUtc')}>
            ${(ties) => html`<input ...${ties} type="datetime-local" value=${start} onInput=${(event) => setStart(event.target.value)} />`}
          <//>`}
        <${Field} id="source" label="From which addresses" hint="Empty: the address that you come from, shown below. Else addresses or prefixes, with commas." >
          ${(ties) => html`<input ...${ties} placeholder="my own address" value=${source} onInput=${(event) => setSource(event.target.value)} />`}
        <//>
        <${Field} id="why" label=${needs.required || breaking ? 'Justification (needed)' : 'Justification'} wrong=${wrong('justification')}>
          ${(ties) => html`<textarea ...${ties} rows="2" required=${!!needs.required || breaking} value=${justification} onInput=${(event) => setJustification(event.target.value)}></textarea>`}
        <//>
        ${needs.ticketPattern && html`
          <${Field} id="ticket" label="Ticket (needed)" hint=${`It has the form ${needs.ticketPattern}`} wrong=${wrong('ticket')}>
            ${(ties) => html`<input ...${ties} required value=${ticket} onInput=${(event) => setTicket(event.target.value)} />`}
          <//>`}
        <${Outlook} told=${told} chosen=${ports.length} policy=${policy} breaking=${breaking} />
        <${Problem} error=${state.error} />
        ${policy.breakGlass && policy.approval?.required && html`
          <fieldset class="emergency"><legend>Emergency</legend>
            <label class="check"><input type="checkbox" checked=${breaking} onChange=${(event) => setBreaking(event.target.checked)} /> Open at once, without approval</label>
            <p class="hint">It opens for you now. All approvers are told at once that the glass was broken, by whom and why, and it stands on record.</p>
          </fieldset>`}
      </div>
      <footer>
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class=${breaking ? 'primary danger' : 'primary'} disabled=${state.busy || !ports.length}>${breaking ? 'Break the glass' : 'Request access'}</button>
      </footer>
    </form>`;
}

/** Random, and also where the page came over plain HTTP, which knows no `randomUUID`. */
const newKey = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join('-');

function wantedPort(port, source) {
  const all = source.split(',').map((part) => part.trim()).filter(Boolean);
  const from = all.length > 1 ? { allowedSourceAddressPrefixes: all } : all.length ? { allowedSourceAddressPrefix: all[0] } : {};
  return { number: port.number, protocol: port.protocol || 'TCP', ...from };
}

/** What would come of it, in a sentence. */
function Outlook({ told, chosen, policy, breaking }) {
  if (!chosen) return html`<p class="quiet">Choose at least one port.</p>`;
  if (told.error && told.error.status !== 422) return html`<${Problem} error=${told.error} />`;
  if (told.error) return html`<div class="notice">${told.error.issues.length ? told.error.issues.map((one) => html`<p>${one.message}</p>`) : told.error.message}</div>`;
  if (!told.value) return html`<${Loading} what="Looking what would come of it" />`;
  const begins = told.value.startTimeUtc;
  const sources = [...new Set(told.value.ports.flatMap((port) => port.sources))].join(', ');
  const people = count(policy.approval?.count || 1, 'person').replace('persons', 'people');
  return html`
    <div class="outlook" role="status">
      <p>Opens for <strong>${sources}</strong>${told.value.needsApproval && !breaking ? ` when ${people} agreed` : begins ? '' : ' at once'}${begins ? html`, from <${Time} at=${begins} /> on` : ''}.</p>
      ${told.value.because.map((why) => html`<p class="danger">${why}</p>`)}
      ${told.value.sessions?.note && html`<p class="quiet">${told.value.sessions.note}</p>`}
    </div>`;
}
