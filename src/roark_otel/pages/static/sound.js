// @ts-check
/** Sound as peaks: one number for every 10 ms of each side. */

/** How much time a peak stands for. */
export const PEAK_MS = 10;
const LOUD = 0.08;
const SHORTEST_MS = 120;
const MARGIN_MS = 60;

/** @typedef {{customer: Float32Array, agent: Float32Array, mono: boolean, length: number}} Peaks length in ms */

/** The loudest sample of every 10 ms, as a share of the loudest of all. @param {Float32Array} samples @param {number} rate */
export function reduce(samples, rate) {
  const each = Math.max(1, Math.round((rate * PEAK_MS) / 1000));
  const peaks = new Float32Array(Math.ceil(samples.length / each));
  let top = 0;
  for (let i = 0; i < peaks.length; i++) {
    let most = 0;
    const end = Math.min(samples.length, (i + 1) * each);
    for (let j = i * each; j < end; j++) most = Math.max(most, Math.abs(/** @type {number} */ (samples[j])));
    peaks[i] = most;
    top = Math.max(top, most);
  }
  return top > 0 ? peaks.map((one) => one / top) : peaks;
}

/**
 * Stereo has the customer on the left and the agent on the right; mono has both in one.
 * @param {{numberOfChannels: number, sampleRate: number, duration: number, getChannelData: (i: number) => Float32Array}} buffer
 * @returns {Peaks}
 */
export function peaksOf(buffer) {
  const mono = buffer.numberOfChannels < 2;
  const customer = reduce(buffer.getChannelData(0), buffer.sampleRate);
  const agent = mono ? customer : reduce(buffer.getChannelData(1), buffer.sampleRate);
  return { customer, agent, mono, length: buffer.duration * 1000 };
}

/** The loudest peak between two moments. @param {Float32Array} peaks @param {number} from @param {number} to */
export function loudest(peaks, from, to) {
  let most = 0;
  const end = Math.min(peaks.length, Math.max(Math.floor(from / PEAK_MS) + 1, Math.ceil(to / PEAK_MS)));
  for (let i = Math.max(0, Math.floor(from / PEAK_MS)); i < end; i++) most = Math.max(most, peaks[i] ?? 0);
  return most;
}

/**
 * Sound that no entry claims: offsets that are shifted and speech that was missed show at once.
 * @param {Float32Array} peaks @param {{start: number, end: number}[]} rows of the side, by start
 * @returns {[number, number][]}
 */
export function unclaimed(peaks, rows) {
  /** @type {[number, number][]} */
  const found = [];
  let next = 0;
  let claimed = -Infinity;
  let from = -1;
  for (let i = 0; i <= peaks.length; i++) {
    const at = i * PEAK_MS;
    for (let row = rows[next]; row && row.start - MARGIN_MS <= at; row = rows[++next]) claimed = Math.max(claimed, row.end + MARGIN_MS);
    const loud = i < peaks.length && at > claimed && (peaks[i] ?? 0) > LOUD;
    if (loud && from < 0) from = at;
    if (!loud && from >= 0) {
      const last = found.at(-1);
      if (last && from - last[1] < SHORTEST_MS && claimed < last[1]) last[1] = at;
      else found.push([from, at]);
      from = -1;
    }
  }
  return found.filter(([start, end]) => end - start > SHORTEST_MS);
}
