// State that follows the API: read once, or again and again for as long as somebody looks.

import { useCallback, useEffect, useRef, useState } from './vendor/preact-htm.js';

const LONGEST_PAUSE = 60_000; // milliseconds, as all times here
const RETRY = 1_000;

/** Whether an error may go away by itself: nobody answered, too many asked, or the other side is in trouble. */
const passes = (error) => !error.status || error.status === 429 || error.status >= 500;

/**
 * What `read` gives, with a way to read it again. Read again every `pause` milliseconds while the page is seen; after a
 * failure later and later. What was known stays shown, beside the error.
 */
export function useAnswer(read, dependencies, pause = 0) {
  const [known, setKnown] = useState({ value: undefined, error: undefined, loading: true });
  const [wish, setWish] = useState(0);
  const latest = useRef(read);
  latest.current = read;

  useEffect(() => {
    let alive = true;
    let timer;
    let failures = 0;
    const next = (wait) => { if (wait) timer = setTimeout(run, Math.min(LONGEST_PAUSE, wait)); };
    const run = async () => {
      clearTimeout(timer);
      if (document.hidden) return;
      try {
        const value = await latest.current();
        if (!alive) return;
        failures = 0;
        setKnown({ value, error: undefined, loading: false });
        next(pause);
      } catch (error) {
        if (!alive) return;
        failures += 1;
        setKnown((before) => ({ ...before, error, loading: false }));
        if (passes(error)) next(Math.max(RETRY * 2 ** failures, (error.retryAfter || 0) * 1000));
      }
    };
    setKnown((before) => ({ ...before, loading: true }));
    document.addEventListener('visibilitychange', run);
    addEventListener('online', run);
    run();
    return () => {
      alive = false;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', run);
      removeEventListener('online', run);
    };
  }, [...dependencies, wish, pause]);

  const again = useCallback(() => setWish((number) => number + 1), []);
  return { ...known, again };
}

/**
 * A list that comes in pages: what `readPage` gives for a token, as one, and `more` to show the next page, which is read
 * alone. All that is shown is read again now and then; the more it is, the less often.
 */
export function usePages(readPage, dependencies, pause) {
  const key = JSON.stringify(dependencies);
  const [wanted, setWanted] = useState({ key, pages: 1 });
  const pages = wanted.key === key ? wanted.pages : 1;
  const known = useRef({ key: '', answers: [] });
  const found = useAnswer(async () => {
    const before = known.current;
    const answers = before.key === key && before.answers.length < pages ? [...before.answers] : [];
    while (answers.length < pages && (!answers.length || answers.at(-1).nextPageToken)) {
      answers.push(await readPage(answers.at(-1)?.nextPageToken));
    }
    known.current = { key, answers };
    return { ...answers.at(-1), value: answers.flatMap((answer) => answer.value) };
  }, [key, pages], pause * pages);
  const more = found.value?.nextPageToken ? () => setWanted({ key, pages: pages + 1 }) : undefined;
  return { ...found, more };
}

/** The present, told anew every second. */
export function useNow(every = 1000) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** A part of the address; whoever writes a broken one is shown that there is no such thing. */
function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

/** The place in the portal, from the address after `#`: its parts and its query. */
export function usePlace() {
  const read = () => {
    const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
    return { parts: path.split('/').filter(Boolean).map(decoded), search: new URLSearchParams(search) };
  };
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const follow = () => setPlace(read());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return place;
}

/** A text that settles: it changes only when nobody has typed for a while. */
export function useSettled(text, pause = 300) {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), pause);
    return () => clearTimeout(timer);
  }, [text, pause]);
  return settled;
}
