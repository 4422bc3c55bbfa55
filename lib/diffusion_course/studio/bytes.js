// Pictures as bytes: from and to base64, and out of a file.

const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes)); // pictures are small

// A file of the learner's, cut to the middle and reduced to width x height: its bytes, red green blue.
async function pictureOfFile(file, width, height) {
  const image = await createImageBitmap(file);
  const scale = Math.min(image.width / width, image.height / height);
  const [w, h] = [width * scale, height * scale];
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, (image.width - w) / 2, (image.height - h) / 2, w, h, 0, 0, width, height);
  return pen.getImageData(0, 0, width, height).data.filter((_, i) => i % 4 !== 3);
}
