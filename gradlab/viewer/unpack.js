// Arrays of the page: base64, zlib, differences along the last axis. Each is unpacked once, when first asked for.
"use strict";

const Unpack = (() => {
  const KINDS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, uint32: Uint32Array, float16: Uint16Array };
  const HALF = new Float32Array(2 ** 16);

  // Every float16 once: sign, exponent of 5 bits, fraction of 10.
  for (let bits = 0; bits < 2 ** 16; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction;
    HALF[bits] = bits >> 15 ? -size : size;
  }

  const facts = JSON.parse(document.getElementById("facts").textContent);
  const known = new Map();

  async function unpacked(number) {
    const { dtype, shape, delta } = facts.arrays[number];
    const text = atob(document.getElementById(`array-${number}`).textContent.trim());
    const packed = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const values = new KINDS[dtype](await new Response(stream).arrayBuffer());
    const last = shape[shape.length - 1];
    if (delta) for (let i = 0; i < values.length; i++) if (i % last) values[i] += values[i - 1];
    return dtype === "float16" ? Float32Array.from(values, (bits) => HALF[bits]) : values;
  }

  function array(number) {
    if (!known.has(number)) known.set(number, unpacked(number));
    return known.get(number);
  }

  // Several by name.
  async function arrays(numbers) {
    const entries = Object.entries(numbers);
    const values = await Promise.all(entries.map(([, number]) => array(number)));
    return Object.fromEntries(entries.map(([name], i) => [name, values[i]]));
  }

  return { facts, array, arrays };
})();
