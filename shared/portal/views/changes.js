// What would be written and what would be cut, before anything is.

import { html } from '../vendor/preact-htm.js';
import { count, nameOf } from '../format.js';
import { Time } from '../ui.js';

const WHY = { granted: 'an access that is open', probes: 'health probes', outranksLock: 'it stands before the lock', notGuarded: 'not locked by this policy' };
const WORDS = { create: 'add', update: 'change', delete: 'delete' };

/** The previews of some machines; `removing` where the lock is taken away, so that what is open then is no failure of it. */
export function Changes({ results, removing }) {
  return html`<section class="preview" aria-label="What would change" role="status">${results.map((one) => html`<${One} key=${one.machine} one=${one} single=${results.length === 1} removing=${removing} />`)}</section>`;
}

/** The rules behind some ways to a machine, each once; where no group stands in the way, that is everything. */
const named = (ways, more = () => '') => [...new Set(ways.map((way) => `${way.rule?.name || 'everything'}${more(way)}`))].join(', ');

function One({ one, single, removing }) {
  const { preview, problem } = one;
  const title = html`<h3>${single ? 'What would change' : nameOf(one.machine)}</h3>`;
  if (problem) return html`${title}<p class="danger">${problem.detail || problem.title}</p>`;
  return html`
    ${title}
    ${removing && html`<p class="danger"><strong>Open again:</strong> ${named(preview.staysOpen) || 'nothing'}.</p>`}
    ${!removing && preview.lock.state === 'exposed' && html`<p class="danger"><strong>The lock would not hold:</strong> ${preview.lock.because.map((leak) => leak.rule || 'no group').join(', ')} would still let traffic in.</p>`}
    ${preview.createsNsg && html`<p>A network security group <code>${nameOf(preview.createsNsg)}</code> would be made and put on ${preview.attachesTo.map(nameOf).join(', ')}.</p>`}
    ${preview.changes.length ? html`<ul>${preview.changes.map((change) => html`<li>${WORDS[change.change] || change.change} <code>${change.rule.name}</code> (${change.rule.priority}, ${change.rule.access}) in ${nameOf(change.nsg)}</li>`)}</ul>` : html`<p>No rule would change.</p>`}
    ${preview.losesEffect.length > 0 && html`<p>No longer let in, of what your rules now allow: ${named(preview.losesEffect)}.</p>`}
    ${!removing && html`<${Cut} flows=${preview.cutFlows} />`}
    ${!removing && preview.staysOpen.length > 0 && html`<p>Stays open: ${named(preview.staysOpen, (way) => ` (${WHY[way.why] || way.why})`)}.</p>`}
    ${preview.endsGrants.length > 0 && html`<p class="danger">${count(preview.endsGrants.length, 'request')} that ${preview.endsGrants.length === 1 ? 'is' : 'are'} not over would end.</p>`}
    ${preview.notes.map((note) => html`<p class="quiet">${note}</p>`)}`;
}

function Cut({ flows }) {
  if (!flows) return null;
  if (!flows.length) return html`<p>Nothing that was let in during the last 7 days would be cut.</p>`;
  return html`
    <p><strong>${count(flows.length, 'connection')} of the last 7 days would be cut:</strong></p>
    <div class="scroll"><table><thead><tr><th scope="col">From</th><th scope="col">Port</th><th scope="col">Times</th><th scope="col">Last</th></tr></thead>
      <tbody>${flows.slice(0, 20).map((flow) => html`<tr><td>${flow.source}</td><td>${flow.port}/${flow.protocol}</td><td class="number">${flow.connections}</td><td><${Time} at=${flow.last} /></td></tr>`)}</tbody></table></div>
    ${flows.length > 20 && html`<p class="quiet">and ${flows.length - 20} more</p>`}`;
}
