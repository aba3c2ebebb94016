// Texts for people: times, lengths of time, ports, names.

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

/** A time as this person's clock shows it; the day where it is not today. */
export function localTime(text) {
  const at = new Date(text);
  return (at.toDateString() === new Date().toDateString() ? clock : day).format(at);
}

/** The same in UTC, in full. */
export const utcTime = (text) => `${new Date(text).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** How long, in words: "2 h 5 min", "40 s". */
export function howLong(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return seconds < 600 && seconds % 60 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

/** An ISO 8601 duration in hours, which may be a fraction. */
export function hoursOf(duration) {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(duration || '');
  if (!match) return 0;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part || 0));
  return days * 24 + hours + minutes / 60 + seconds / 3600;
}

/** Hours as an ISO 8601 duration. */
export function durationOf(hours) {
  const all = Math.round(hours * 3600);
  const parts = [[Math.floor(all / 3600), 'H'], [Math.floor(all / 60) % 60, 'M'], [all % 60, 'S']];
  return `PT${parts.filter(([number]) => number).map(([number, unit]) => `${number}${unit}`).join('') || '0S'}`;
}

/** Hours, which may be a fraction, in words. */
export const hoursText = (hours) => howLong(hours * 3_600_000);

/** The last part of a resource id. */
export const nameOf = (id) => (id || '').split('/').pop();

/** "1 machine", "3 machines". */
export const count = (number, word) => `${number.toLocaleString()} ${word}${number === 1 ? '' : 's'}`;

const SERVICES = { 22: 'SSH', 3389: 'RDP', 5985: 'WinRM', 5986: 'WinRM over TLS', 443: 'HTTPS', 80: 'HTTP' };

/** A port with what usually listens there. */
export const portName = (number) => (SERVICES[number] ? `${number} (${SERVICES[number]})` : String(number));
