// Attempts by hour, with the accesses that were open drawn over them. The chart's library is fetched when it is needed.

import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js';
import { count } from '../format.js';

const HOUR = 3600;
const HEIGHT = 220;
const WHOLE = [1, 2, 5].flatMap((first) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6].map((power) => first * power)).sort((one, other) => one - other);
let loading;

/** The library, once; it comes as a script that sets a global. */
function library() {
  loading ||= new Promise((resolve, reject) => {
    const style = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: '/portal/vendor/uplot.css' });
    const script = Object.assign(document.createElement('script'), { src: '/portal/vendor/uplot.js' });
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => { loading = undefined; reject(new Error('The chart could not be fetched.')); };
    document.head.append(style, script);
  });
  return loading;
}

export function Chart({ hours, grants, from, to }) {
  const place = useRef();
  const [failed, setFailed] = useState('');
  const key = JSON.stringify([hours, grants.map((grant) => [grant.id, grant.endTimeUtc]), from, to]);
  useEffect(() => {
    let plot;
    let alive = true;
    const draw = async () => {
      try {
        const Plot = await library();
        if (!alive || !place.current) return;
        const data = series(hours, from, to);
        plot = new Plot(options(Plot, place.current, grants, data[0]), data, place.current);
      } catch (error) { setFailed(error.message); }
    };
    draw();
    const resize = () => plot?.setSize({ width: place.current.clientWidth, height: HEIGHT });
    const recolour = () => { plot?.destroy(); draw(); };
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    addEventListener('resize', resize);
    scheme.addEventListener('change', recolour);
    return () => {
      alive = false;
      removeEventListener('resize', resize);
      scheme.removeEventListener('change', recolour);
      plot?.destroy();
    };
  }, [key]);
  const total = hours.reduce((sum, one) => sum + one.flows.denied, 0);
  const busiest = hours.reduce((most, one) => (one.flows.denied > (most?.flows.denied ?? -1) ? one : most), undefined);
  const say = `${count(total, 'attempt')} denied${busiest ? `, most of them at ${new Date(busiest.at).toLocaleString()}` : ''}; ${grants.length} ${grants.length === 1 ? 'access' : 'accesses'} open in this time.`;
  return html`
    <figure class="chart">
      <div ref=${place} role="img" aria-label=${say}></div>
      <figcaption class="quiet">${failed || say}</figcaption>
    </figure>`;
}

/** Every hour of the time, also those in which nothing came. */
function series(hours, from, to) {
  const known = new Map(hours.map((one) => [Math.floor(new Date(one.at) / 1000 / HOUR), one.flows]));
  const [first, last] = [from, to].map((text) => Math.floor(new Date(text) / 1000 / HOUR));
  const slots = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  const pick = (name) => slots.map((slot) => known.get(slot)?.[name] || null);
  return [slots.map((slot) => slot * HOUR), pick('denied'), pick('allowed'), pick('granted')];
}

function options(Plot, element, grants, slots) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const bars = Plot.paths.bars({ size: [0.8, 40], align: 1 });
  const line = (label, name) => ({ label, stroke: colour(name), fill: colour(name), paths: bars, points: { show: false } });
  const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
  const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
  const moment = (seconds) => { const at = new Date(seconds * 1000); return (at.getHours() ? hour : day).format(at); };
  const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
  return {
    padding: [8, 28, 0, 0], // The last hour's label needs room at the right.
    width: element.clientWidth,
    height: HEIGHT,
    scales: { x: { range: () => [slots[0], slots[slots.length - 1] + HOUR] }, y: { range: (_, __, most) => [0, Math.max(1, most)] } },
    series: [{ value: (_, seconds) => (seconds ? new Date(seconds * 1000).toLocaleString() : '–') }, line('Denied', '--bar'), line('Let in by other rules', '--danger'), line('Let in by accesses', '--open')],
    axes: [{ ...axis, values: (_, ticks) => ticks.map(moment) }, { ...axis, size: 60, incrs: WHOLE }],
    cursor: { drag: { x: false, y: false } },
    hooks: { draw: [(plot) => drawStays(plot, grants, colour('--open'))] },
  };
}

/** A bar for each access, at the top, from its beginning to its end. */
function drawStays(plot, grants, colour) {
  const { ctx: pen, bbox: box } = plot;
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.width, box.height);
  pen.clip();
  grants.forEach((grant, at) => {
    const [start, end] = [grant.startTimeUtc, grant.endTimeUtc].map((text) => plot.valToPos(new Date(text) / 1000, 'x', true));
    const top = box.top + 4 + (at % 6) * 10;
    pen.globalAlpha = 0.85;
    pen.fillStyle = colour;
    pen.fillRect(start, top, Math.max(3, end - start), 7);
  });
  pen.restore();
}

