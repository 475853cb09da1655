// Values as people read them.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function count(value) {
  if (value === null || value === undefined) {
    return '–';
  }
  return value >= 1e6 ? short.format(value) : whole.format(value);
}

// "1 batch", "2,000 batches"
export function some(value, one, many) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function number(value) {
  if (value === null || value === undefined) {
    return '–';
  }
  if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3)) {
    return value.toExponential(2);
  }
  return String(Number(value.toPrecision(5)));
}

export function quantity(value, unit) {
  return value === null || value === undefined ? '–' : `${number(value)} ${unit}`;
}

export function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB'];
  let unit = 0;
  let size = value;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

const pad = (value, size = 2) => String(value).padStart(size, '0');

export function clock(text) {
  if (!text) {
    return '–';
  }
  const at = new Date(text);
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  const today = at.toDateString() === new Date().toDateString();
  return today ? time : `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${time}`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) {
    return '–';
  }
  const steps = [[86400, 'd'], [3600, 'h'], [60, 'min']];
  for (const [size, unit] of steps) {
    if (Math.abs(seconds) >= 2 * size) {
      return `${Math.round(seconds / size)} ${unit}`;
    }
  }
  return Math.abs(seconds) >= 10 ? `${Math.round(seconds)} s` : `${Math.max(0, seconds).toFixed(1)} s`;
}

export function ago(text) {
  return text ? `${duration((Date.now() - new Date(text)) / 1000)} ago` : 'never';
}
