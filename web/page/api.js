// The API of this server, and nothing else.

export async function get(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const response = await fetch(`/api/v1/${path}${query ? `?${query}` : ''}`);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(answer.error ?? `the server answered ${response.status}`);
  }
  return answer;
}

const RETRY = 5000; // ms

// Calls handlers[type](event) for what happens, and handlers.stream(open) as the stream comes and goes. Browsers try again
// by themselves where nobody answers, and give up where somebody says no: there are enough streams, a proxy is in between.
export function follow(handlers) {
  const source = new EventSource('/api/v1/events');
  source.onopen = () => handlers.stream(true);
  source.onerror = () => {
    handlers.stream(false);
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => follow(handlers), RETRY);
    }
  };
  for (const type of ['batch', 'alarm', 'server', 'skipped', 'lost']) {
    source.addEventListener(type, (message) => handlers[type]?.(JSON.parse(message.data)));
  }
}

// Runs task() now and whenever asked, at most once every `pause` ms, never twice at once.
export function throttled(task, pause) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      await task();
    } finally {
      setTimeout(() => {
        running = false;
        if (again) {
          again = false;
          run();
        }
      }, pause);
    }
  };
}
