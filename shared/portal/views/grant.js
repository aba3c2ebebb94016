// One access, live: waiting, opening, open with the time that is left, over.

import { html, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { hoursOf, hoursText, howLong, nameOf, portName } from '../format.js';
import { useAnswer, useNow } from '../hooks.js';
import { Badge, Copy, Live, Loading, Problem, Time } from '../ui.js';
import { Decide } from './decide.js';

const QUICK = new Set(['opening', 'closing']);
const OVER = new Set(['expired', 'revoked', 'denied', 'cancelled', 'lapsed', 'failed']);
const SAY = {
  pending: 'Waiting for approval', scheduled: 'Waiting for its start', opening: 'Opening', active: 'Open', closing: 'Closing',
  expired: 'Closed: its time was up', revoked: 'Closed early', denied: 'Denied', cancelled: 'Cancelled', lapsed: 'Nobody answered in time', failed: 'It could not be opened',
};
const KIND = { active: 'open', pending: 'warning', scheduled: 'warning', failed: 'danger', denied: 'danger' };

export const StateBadge = ({ state }) => html`<${Badge} kind=${KIND[state] || ''}>${SAY[state] || state}<//>`;

export function Grant({ id, person }) {
  const [pause, setPause] = useState(2000);
  const found = useAnswer(async () => {
    const grant = await api.grant(id);
    const ends = new Date(grant.endTimeUtc || Infinity) - Date.now() < 10_000;
    setPause(OVER.has(grant.state) ? 0 : QUICK.has(grant.state) || ends ? 1500 : 3000);
    return grant;
  }, [id], pause);
  const grant = found.value;
  if (!grant) return found.error ? html`<${Problem} error=${found.error} again=${found.again} />` : html`<${Loading} what="Looking for this request" />`;
  const mine = grant.requestor.id === person.id;
  return html`
    <p><a href="#/requests">← Requests</a></p>
    <h1>Access to <bdi>${nameOf(grant.machine)}</bdi></h1>
    <${Problem} error=${found.error} />
    <${Live}><p class="state"><${StateBadge} state=${grant.state} /> ${grant.breakGlass && html`<${Badge} kind="danger">glass broken<//>`}</p><//>
    ${grant.state === 'active' && html`<${Open} grant=${grant} />`}
    ${grant.detail && html`<p>${grant.detail}</p>`}
    ${(mine || person.roles.has('Approver') || person.roles.has('Administrator')) && !OVER.has(grant.state) && html`<${Actions} ...${{ grant, mine, person, again: found.again }} />`}
    <${Facts} grant=${grant} />`;
}

function Open({ grant }) {
  const now = useNow();
  const left = new Date(grant.endTimeUtc) - now;
  const connect = grant.connect;
  const command = connect?.ssh || connect?.rdp;
  return html`
    <div class="card open">
      <p class="countdown" role="timer" aria-label="Time left">${left > 0 ? howLong(left) : 'closing'}</p>
      <p class="quiet">until <${Time} at=${grant.endTimeUtc} /></p>
      ${command ? html`<p class="command"><code>${command}</code> <${Copy} text=${command} label="Copy the command" /></p>`
    : connect && html`<p class="command"><code>${connect.host}</code> <${Copy} text=${connect.host} label="Copy the address" /></p>`}
    </div>`;
}

function Actions({ grant, mine, person, again }) {
  const [state, setState] = useState({});
  const act = async (what, body) => {
    setState({ busy: true });
    try { await api.act(grant.id, what, body); setState({}); again(); } catch (error) { setState({ error }); }
  };
  const [longer, setLonger] = useState('1');
  const [reason, setReason] = useState(grant.justification || '');
  const extend = () => {
    const end = new Date(new Date(grant.endTimeUtc).getTime() + Number(longer) * 3_600_000);
    act('extend', { endTimeUtc: end.toISOString(), ...(reason ? { justification: reason } : {}) });
  };
  const open = grant.state === 'active';
  const waits = grant.state === 'pending' || grant.state === 'scheduled';
  return html`
    <div class="tools">
      ${mine && open && !grant.extension && html`
        <label class="inline">Longer by <select value=${longer} onChange=${(event) => setLonger(event.target.value)}>
          <option value="0.5">30 min</option><option value="1">1 h</option><option value="2">2 h</option>
        </select></label>
        <label class="inline">because <input value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>
        <button type="button" disabled=${state.busy} onClick=${extend}>Extend</button>`}
      ${open && html`<button type="button" class="danger" disabled=${state.busy} onClick=${() => act('revoke', {})}>End now</button>`}
      ${mine && waits && html`<button type="button" disabled=${state.busy} onClick=${() => act('cancel', {})}>Cancel the request</button>`}
    </div>
    ${grant.extension && html`<p class="notice">A longer stay waits for approval, since <${Time} at=${grant.extension.requestedAt} />.</p>`}
    ${person.roles.has('Approver') && !mine && (grant.state === 'pending' || grant.extension) && html`<${Decide} grant=${grant} onDone=${again} />`}
    <${Problem} error=${state.error} />`;
}

function Facts({ grant }) {
  const row = (term, value) => value && html`<dt>${term}</dt><dd>${value}</dd>`;
  return html`
    <dl class="facts">
      ${row('Machine', html`<a href=${`#/machines${grant.machine}`}><bdi>${nameOf(grant.machine)}</bdi></a>`)}
      ${row('Requested by', html`<bdi>${grant.requestor.name}</bdi>, <${Time} at=${grant.requestedAt} />`)}
      ${row('Ports', grant.ports.map((port) => html`<p>${portName(port.number)} ${port.protocol}, from ${port.sources.join(', ')}</p>`))}
      ${row('Justification', grant.justification && html`<bdi>${grant.justification}</bdi>`)}
      ${row('Ticket', grant.ticket)}
      ${row('Time', grant.endTimeUtc ? html`<${Time} at=${grant.startTimeUtc} /> to <${Time} at=${grant.endTimeUtc} />` : hoursText(hoursOf(grant.duration)))}
      ${row('Waits until', grant.state === 'pending' && grant.lapsesAt && html`<${Time} at=${grant.lapsesAt} />`)}
      ${row('Decisions', grant.decisions.length > 0 && grant.decisions.map((one) => html`<p>${one.verdict} by <bdi>${one.by.name}</bdi>, <${Time} at=${one.at} />${one.comment && html`: <bdi>${one.comment}</bdi>`}</p>`))}
      ${row('Sessions', grant.sessions?.note)}
      ${row('Rules', grant.rules.length > 0 && grant.rules.map((rule) => html`<p><code>${rule.name}</code> (${rule.priority}) in ${nameOf(rule.nsg)}</p>`))}
    </dl>`;
}
