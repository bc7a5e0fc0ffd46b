//! The `.npy` format, versions 1 to 3 (`numpy.lib.format`).

use super::{Array, Code, Error, Read, Result, Write};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

pub fn invalid(why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidData, format!("this is not a usable .npy array: {why}"))
        .help("save floats or integers with `numpy.save`")
}

/// What the header says.
pub struct Header {
    decode: Decode,
    /// Bytes before the data.
    pub start: u64,
    /// Bytes of an element.
    pub size: usize,
    big_endian: bool,
    /// Whether the first axis runs fastest.
    pub fortran: bool,
    /// The first axis counts events.
    pub shape: Vec<usize>,
}

/// The numbers that elements of one type stand for, in little-endian order.
type Decode = fn(&[u8]) -> Vec<f64>;

impl Header {
    /// Bytes of the array, if there can be as many.
    pub fn bytes(&self) -> Option<u64> {
        let count = self.shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64))?;
        count.checked_mul(self.size as u64)
    }

    /// Values of an event; of an array that has no values it may be anything.
    pub fn event_len(&self) -> usize {
        self.shape.iter().skip(1).fold(1, |product, &size| product.saturating_mul(size))
    }
}

/// Bytes that are read at a time: what an array takes is its values, and little more.
const PIECE: usize = 1 << 20;

/// Reads an array from `file`, of which `available` bytes are left at most. It may have as many values as are `left`.
pub fn read(file: &mut impl Read, available: u64, left: &mut u64) -> Result<Array> {
    let header = header(file)?;
    let bytes = header.bytes().filter(|bytes| *bytes <= available);
    let bytes = bytes.ok_or_else(|| invalid("it is shorter than its shape says"))?;
    let count = bytes / header.size.max(1) as u64;
    *left = left.checked_sub(count).ok_or_else(|| too_many(count, *left))?;
    let count = usize::try_from(count).map_err(|_| too_many(count, *left))?;
    let mut values = if header.fortran { vec![0.0; count] } else { Vec::with_capacity(count) };
    let (mut file, mut raw, mut places) = (file.take(bytes), Vec::new(), RowMajor::new(&header.shape));
    let piece = (PIECE / header.size.max(1) * header.size) as u64;
    let mut read = 0;
    while read < bytes {
        raw.clear();
        read += file.by_ref().take(piece).read_to_end(&mut raw).map_err(invalid)? as u64;
        if read < bytes && (raw.len() as u64) < piece {
            return Err(invalid("it is shorter than its shape says"));
        }
        let numbers = decode(&header, &mut raw);
        if header.fortran {
            numbers.into_iter().zip(&mut places).for_each(|(number, place)| values[place] = number);
        } else {
            values.extend(numbers);
        }
    }
    Ok(Array { shape: header.shape, values })
}

fn too_many(values: u64, left: u64) -> Error {
    Error::new(Code::InvalidData, format!("the array has {values} values, and {left} more can be read at once"))
        .help("give fewer events, or use `cargo sparsehls verify`, which reads piece by piece")
}

/// The places, counted row-major, of the elements of an array in Fortran order, one after another.
struct RowMajor {
    /// Size and stride of each axis, and where in it the next element is.
    axes: Vec<[usize; 3]>,
    next: usize,
}

impl RowMajor {
    fn new(shape: &[usize]) -> Self {
        let mut stride = 1;
        let mut axes: Vec<[usize; 3]> = Vec::new();
        for &size in shape.iter().rev() {
            axes.push([size, stride, 0]);
            stride = stride.saturating_mul(size);
        }
        axes.reverse();
        Self { axes, next: 0 }
    }
}

impl Iterator for RowMajor {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.next;
        for [size, stride, at] in &mut self.axes {
            *at += 1;
            self.next += *stride;
            if *at < *size {
                break;
            }
            self.next -= *at * *stride;
            *at = 0;
        }
        Some(place)
    }
}

/// The numbers that `raw` holds.
pub fn decode(header: &Header, raw: &mut [u8]) -> Vec<f64> {
    if header.big_endian {
        raw.chunks_exact_mut(header.size).for_each(<[u8]>::reverse);
    }
    (header.decode)(raw)
}

/// How elements are read, by the letter and the size that NumPy gives their type.
fn decoder(kind: u8, size: usize) -> Option<Decode> {
    // One loop for each type, so that none of them asks for the type again at every element.
    macro_rules! all {
        ($type:ty) => {
            all!($type, |value| value as f64)
        };
        ($type:ty, $number:expr) => {
            |raw| raw.as_chunks().0.iter().map(|bytes| <$type>::from_le_bytes(*bytes)).map($number).collect()
        };
    }
    Some(match (kind, size) {
        (b'f', 2) => all!(u16, half),
        (b'f', 4) => all!(f32),
        (b'f', 8) => all!(f64),
        (b'i', 1) => all!(i8),
        (b'i', 2) => all!(i16),
        (b'i', 4) => all!(i32),
        (b'i', 8) => all!(i64),
        (b'u' | b'b', 1) => all!(u8),
        (b'u', 2) => all!(u16),
        (b'u', 4) => all!(u32),
        (b'u', 8) => all!(u64),
        // NumPy does not know the bfloat16 of ml_dtypes, and calls it "two bytes". It is the upper half of a float32.
        (b'V', 2) => all!(u16, |bits| f64::from(f32::from_bits(u32::from(bits) << 16))),
        _ => return None,
    })
}

/// What a float16 stands for: a sign, 5 bits of exponent, 10 of mantissa.
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 0 { size } else { -size }
}

/// Reads the header.
pub fn header(file: &mut impl Read) -> Result<Header> {
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|_| invalid("it is too short to be one"))?;
    if &start[..6] != MAGIC || !(1..=3).contains(&start[6]) {
        return Err(invalid("it does not begin like one"));
    }
    let mut length = [0; 4];
    let width = if start[6] == 1 { 2 } else { 4 };
    file.read_exact(&mut length[..width]).map_err(|_| invalid("its header is cut off"))?;
    let length = u32::from_le_bytes(length);
    if length > 1 << 16 {
        return Err(invalid("its header is too long"));
    }
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text).map_err(|_| invalid("its header is cut off"))?;
    let length = text.len();
    let text = String::from_utf8_lossy(&text);
    let not_one = || invalid(format!("its header is {:?}", text.trim()));
    let header = Parsed::of(&text).ok_or_else(not_one)?;
    let (kind, size) = header.element().ok_or_else(not_one)?;
    let decode = decoder(kind, size).ok_or_else(|| {
        let read = "floats of 2, 4 or 8 bytes, bfloat16, integers and booleans are read";
        invalid(format!("its elements are of type {:?}; {read}", header.descr))
            .help("convert it before it is saved: `numpy.save(path, x.astype(\"float32\"))`")
    })?;
    let start = (start.len() + width + length) as u64;
    let Parsed { descr, fortran, shape } = header;
    Ok(Header { decode, start, size, big_endian: descr.starts_with('>'), fortran, shape })
}

/// What stands in `{'descr': '<f4', 'fortran_order': False, 'shape': (100, 28, 28, 1), }`.
struct Parsed<'a> {
    descr: &'a str,
    fortran: bool,
    shape: Vec<usize>,
}

impl<'a> Parsed<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let after = |key: &str| text.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
        let descr = after("descr")?.strip_prefix('\'')?.split('\'').next()?;
        let fortran = match after("fortran_order")? {
            rest if rest.starts_with("True") => true,
            rest if rest.starts_with("False") => false,
            _ => return None,
        };
        let shape = after("shape")?.strip_prefix('(')?.split(')').next()?;
        let shape = shape.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().ok());
        Some(Self { descr, fortran, shape: shape.collect::<Option<_>>()? })
    }

    /// `<f4` -> `f` and 4; the size is 0 where there is no plain one, as in `|O`.
    fn element(&self) -> Option<(u8, usize)> {
        let (_, element) = self.descr.split_at_checked(1)?;
        let (kind, size) = element.split_at_checked(1)?;
        Some((*kind.as_bytes().first()?, size.parse().unwrap_or(0)))
    }
}

/// Where each element of an array of `shape`, counted row-major, lies when the first axis runs fastest.
pub fn fortran_order(shape: &[usize]) -> Vec<usize> {
    if shape.contains(&0) {
        return Vec::new();
    }
    let mut order = vec![0];
    let mut stride = 1;
    for &size in shape {
        order = order.iter().flat_map(|at| (0..size).map(move |i| at + i * stride)).collect();
        stride *= size;
    }
    order
}

/// Writes the header of a row-major float32 array.
pub fn write_header(file: &mut dyn Write, shape: &[usize]) -> std::io::Result<()> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let sizes = if shape.len() == 1 { sizes.trim_end().to_owned() } else { sizes.trim_end_matches(", ").to_owned() };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    // The data starts at a multiple of 64 bytes, and the header ends with a newline.
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    file.write_all(MAGIC)?;
    file.write_all(&[1, 0])?;
    file.write_all(&(header.len() as u16).to_le_bytes())?;
    file.write_all(header.as_bytes())
}

/// Writes float32 values.
pub fn write_values(file: &mut dyn Write, values: &[f32]) -> std::io::Result<()> {
    values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        [&MAGIC[..], &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    fn parse(bytes: &[u8]) -> Result<Array> {
        read(&mut &bytes[..], bytes.len() as u64, &mut { 1 << 20 })
    }

    #[test]
    fn what_is_written_can_be_read() {
        for shape in [vec![3], vec![2, 3], vec![0, 4], vec![2, 1, 2, 2]] {
            let values: Vec<f32> = (0..shape.iter().product()).map(|i: usize| i as f32 / 8.0).collect();
            let mut bytes = Vec::new();
            write_header(&mut bytes, &shape).unwrap();
            write_values(&mut bytes, &values).unwrap();
            assert_eq!((bytes.len() - 4 * values.len()) % 64, 0);
            let array = parse(&bytes).unwrap();
            assert_eq!((array.shape, array.values), (shape, values.iter().map(|v| f64::from(*v)).collect()));
        }
    }

    #[test]
    fn fortran_order_big_endian_and_integers() {
        let array = parse(&file(">i2", "True", "(2, 3)", &[0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 255, 250])).unwrap();
        assert_eq!(array.values, [1.0, 2.0, 3.0, 4.0, 5.0, -6.0]);
        assert_eq!(parse(&file("|b1", "False", "(2,)", &[1, 0])).unwrap().values, [1.0, 0.0]);
    }

    /// The bits of all 65,536 values, one after another, in FNV-1a; a NaN is a NaN. In Python: `h = 0xcbf29ce484222325`, then
    /// `h = (h ^ byte) * 0x100000001b3 % 2**64` for each byte of
    /// `numpy.nan_to_num(numpy.arange(65536, dtype="<u2").view(T).astype("<f8"), nan=1e300, posinf=inf, neginf=-inf).tobytes()`
    /// with `T` of NumPy or ml_dtypes.
    fn digest(descr: &str, swap: bool) -> u64 {
        let bytes = |bits: u16| if swap { bits.to_be_bytes() } else { bits.to_le_bytes() };
        let array = parse(&file(descr, "False", "(65536,)", &(0..=u16::MAX).flat_map(bytes).collect::<Vec<_>>())).unwrap();
        assert_eq!(array.values.len(), 65536);
        let bits = array.values.iter().map(|value| if value.is_nan() { 1e300 } else { *value }).flat_map(f64::to_le_bytes);
        bits.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    #[test]
    fn floats_of_two_bytes_are_those_of_numpy() {
        for (descr, swap) in [("<f2", false), (">f2", true)] {
            assert_eq!(digest(descr, swap), 0x65a0_7930_5486_57f1, "{descr}");
        }
        for (descr, swap) in [("<V2", false), ("|V2", false), (">V2", true)] {
            assert_eq!(digest(descr, swap), 0xad5f_a9d6_a4c6_36d1, "{descr}");
        }
        let some = parse(&file("<f2", "True", "(2, 2)", &[0x00, 0x3c, 0x01, 0x00, 0x00, 0xc0, 0xff, 0x7b])).unwrap();
        assert_eq!(some.values, [1.0, -2.0, 2f64.powi(-24), 65504.0]);
    }

    #[test]
    fn other_types_are_named() {
        for descr in ["<c8", "|O", "<f16", "|V1", "<U3", "<M8[ns]", "|S2", "<f3", "<i16"] {
            let error = parse(&file(descr, "False", "(1,)", &[0; 16])).unwrap_err();
            assert!(error.message().contains(&format!("of type {descr:?}; floats of 2")), "{error}");
        }
    }

    #[test]
    fn broken_files_are_errors() {
        for bytes in [
            vec![],
            b"PK\x03\x04aaaaaaaaaaaaaaa".to_vec(),
            file("<f4", "False", "(2,)", &[0; 7]),
            file("<f4", "False", "(99999999999999999999,)", &[0; 8]),
            file("<f4", "False", "(4294967296, 4294967296)", &[0; 8]),
            file("<c8", "False", "(1,)", &[0; 8]),
            file("|O", "False", "(1,)", &[0; 8]),
            file("<f4", "Maybe", "(1,)", &[0; 4]),
        ] {
            assert_eq!(parse(&bytes).unwrap_err().code(), Code::InvalidData);
        }
    }
}
