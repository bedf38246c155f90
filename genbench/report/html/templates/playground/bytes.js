// Bytes of the page: base64, deflate, and typed arrays in the order in which genbench/web wrote them.

const inflate = async (text) => {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

// a number of 16 bits: sign, five bits of exponent, ten of fraction
const halfToNumber = (half) => {
  const sign = half & 0x8000 ? -1 : 1, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
};

class ByteReader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  // the next numbers, of a type: unsigned bytes u1, signed i1, two bytes u2, half f2 or single precision f4
  read(type, count) {
    const size = Number(type[1]) * count;
    const buffer = this.bytes.slice(this.at, this.at + size).buffer;
    this.at += size;
    if (type === "u1") return new Uint8Array(buffer);
    if (type === "i1") return new Int8Array(buffer);
    if (type === "u2") return new Uint16Array(buffer);
    return type === "f4" ? new Float32Array(buffer) : Float32Array.from(new Uint16Array(buffer), halfToNumber);
  }
}
