// Where the entities of a graph are drawn, by d3-force. Its files are no modules: each adds to the global `d3`.
import "./d3-dispatch.min.js";
import "./d3-quadtree.min.js";
import "./d3-timer.min.js";
import "./d3-force.min.js";

const TICKS = 300; // d3's own number, after which nothing moves any more
const LINK = 150; // pixels between two entities
const REPULSION = -600;
const ROOM = 44; // pixels around an entity, for its name

/** Give each node x and y. It is done at once, without a timer: nothing moves in front of the visitor. */
export function place(nodes, pairs, ratio) {
  const { d3 } = globalThis;
  d3.forceSimulation(nodes)
    .stop()
    .force(
      "links",
      d3
        .forceLink(pairs)
        .id((node) => node.name)
        .distance(LINK),
    )
    .force("apart", d3.forceManyBody().strength(REPULSION))
    .force("room", d3.forceCollide(ROOM))
    .force("across", d3.forceX().strength(0.06 / ratio))
    .force("down", d3.forceY().strength(0.06 * ratio))
    .tick(TICKS);
}
