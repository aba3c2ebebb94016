// What nodes cost in a month where they are paid for one by one, beside what Postern costs.

import { html, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { useAnswer, useSettled } from '../hooks.js';
import { Loading, Problem } from '../ui.js';

const REFRESH = 300_000;
const WHY = { deallocated: 'deallocated', disconnected: 'not connected', notOnboarded: 'not onboarded', unknown: 'in a state that nobody tells' };

/** Money as this person writes it; the API gives it as a text, which is shown to the last digit. */
function money(amount, currency) {
  const places = amount.split('.')[1]?.length || 0;
  return new Intl.NumberFormat(undefined, { style: 'currency', currency, minimumFractionDigits: places, maximumFractionDigits: places }).format(amount);
}

export function Costs() {
  const [by, setBy] = useState('resourceGroups');
  const [tag, setTag] = useState('team');
  const settled = useSettled(tag.trim());
  const wanted = { tag: by === 'tag' ? settled : '' };
  const found = useAnswer(() => api.costs(wanted), [wanted.tag], REFRESH);
  const costs = found.value;
  return html`
    <h2>What it costs by node</h2>
    <p class="quiet">All virtual machines and computers, in a month, where just-in-time access is paid for one by one. <em>Billed</em> are those that such a plan bills as they are now.</p>
    <div class="tools">
      <label class="inline">By <select value=${by} onChange=${(event) => setBy(event.target.value)}>
        <option value="resourceGroups">Resource group</option><option value="subscriptions">Subscription</option><option value="tag">Tag</option>
      </select></label>
      ${by === 'tag' && html`<label class="inline">named <input value=${tag} onInput=${(event) => setTag(event.target.value)} /></label>`}
      <a class="button" href=${api.costSheet(wanted)} download>Export the costs</a>
    </div>
    <${Problem} error=${found.error} again=${found.again} />
    ${!costs && found.loading && html`<${Loading} what="Counting nodes" />`}
    ${costs && html`<${Table} costs=${costs} by=${by} /><${About} costs=${costs} />`}`;
}

function Table({ costs, by }) {
  const parts = by === 'tag' ? costs.tag?.values || [] : costs[by];
  const cells = (one) => html`
    <td class="number">${one.nodes.toLocaleString()}</td><td class="number">${money(one.amount, costs.price.currency)}</td>
    <td class="number">${one.billedNodes.toLocaleString()}</td><td class="number">${money(one.billedAmount, costs.price.currency)}</td>`;
  const row = (title, all, billed) => html`
    <tr><th scope="row">${title}</th><td></td><td class="number">${money(all, costs.price.currency)}</td><td></td><td class="number">${money(billed, costs.price.currency)}</td></tr>`;
  return html`
    <div class="scroll"><table>
      <thead><tr><th scope="col">${by === 'tag' ? costs.tag?.name || 'Tag' : by === 'subscriptions' ? 'Subscription' : 'Resource group'}</th>
        <th scope="col" class="number">Nodes</th><th scope="col" class="number">All</th><th scope="col" class="number">Billed</th><th scope="col" class="number">Billed now</th></tr></thead>
      <tbody>${parts.map((one) => html`<tr key=${`${one.subscription}/${one.name}`}><th scope="row"><bdi>${nameOf(one, by)}</bdi></th>${cells(one)}</tr>`)}</tbody>
      <tfoot>
        <tr><th scope="row">Total</th>${cells(costs.total)}</tr>
        ${costs.ownCost && html`${row('Postern', costs.ownCost.amount, costs.ownCost.amount)}${row('Difference', costs.ownCost.difference, costs.ownCost.billedDifference)}`}
      </tfoot>
    </table></div>`;
}

const nameOf = (one, by) => (by === 'subscriptions' ? one.subscription : one.name) || (by === 'tag' ? 'without it' : 'not in Azure');

function About({ costs }) {
  const why = Object.entries(costs.notBilled).filter(([, number]) => number).map(([name, number]) => `${number.toLocaleString()} ${WHY[name]}`);
  return html`
    <p class="quiet">${money(costs.price.amount, costs.price.currency)} for a node and month. ${costs.price.asOf ? `${costs.price.source} (${costs.price.asOf})` : `As ${costs.price.source} says.`}</p>
    ${why.length > 0 && html`<p class="quiet">Not billed: ${why.join(', ')}.</p>`}
    ${!costs.ownCost && html`<p class="quiet">What Postern itself costs is not known here: the setting POSTERN_OWN_COST says it.</p>`}
    ${costs.gaps.map((gap) => html`<p class="notice" key=${gap.code + gap.subject}>${gap.message}</p>`)}`;
}
