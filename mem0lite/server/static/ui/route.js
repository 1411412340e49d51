// Where the visitor is: the part of the address behind the #, such as #/memories?user_id=alice.

export function current() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...rest] = path.split("/").map(decoded);
  return { view: view || "who", rest, params: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Return the address of a view; empty parameters are left out. */
export function address(view, params = {}, ...rest) {
  const pairs = params instanceof URLSearchParams ? [...params] : Object.entries(params);
  const query = new URLSearchParams(pairs.filter(([, value]) => value !== undefined && value !== null && value !== ""));
  const path = [view, ...rest.map(encodeURIComponent)].join("/");
  return `#/${path}${query.size ? `?${query}` : ""}`;
}

/** Go to an address, also if the visitor is there already. */
export function go(to) {
  if (location.hash === to) window.dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = to;
}

/** Return a listener that goes to a view with what a form holds. */
export function submitting(view) {
  return (event) => {
    event.preventDefault();
    go(address(view, new URLSearchParams(new FormData(event.target))));
  };
}
