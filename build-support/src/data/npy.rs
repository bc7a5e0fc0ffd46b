//! The `.npy` format, versions 1 to 3 (`numpy.lib.format`).

use super::{Array, Code, Error, MAX_BYTES, Read, Result, Write};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

fn invalid(why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidData, format!("this is not a usable .npy array: {why}"))
        .help("save floats or integers with `numpy.save`")
}

struct Header {
    kind: u8,
    size: usize,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

/// Reads an array from `file`, of which `available` bytes are left at most.
pub fn read(file: &mut impl Read, available: u64) -> Result<Array> {
    let header = header(file)?;
    let count = header.shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64));
    let bytes = count.and_then(|count| count.checked_mul(header.size as u64));
    let bytes = bytes
        .filter(|bytes| *bytes <= available.min(MAX_BYTES))
        .ok_or_else(|| invalid("it is shorter than its shape says, or larger than 8 GiB"))?;
    let mut raw = Vec::new();
    file.take(bytes).read_to_end(&mut raw).map_err(invalid)?;
    if raw.len() as u64 != bytes {
        return Err(invalid("it is shorter than its shape says"));
    }
    let mut values = Vec::with_capacity(raw.len() / header.size);
    for element in raw.chunks_exact_mut(header.size) {
        if header.big_endian {
            element.reverse();
        }
        values.push(number(header.kind, element).ok_or_else(|| invalid("its element type is not float or integer"))?);
    }
    let values = if header.fortran { row_major(&values, &header.shape) } else { values };
    Ok(Array { shape: header.shape, values })
}

/// One little-endian element.
fn number(kind: u8, bytes: &[u8]) -> Option<f64> {
    Some(match (kind, bytes.len()) {
        (b'f', 4) => f32::from_le_bytes(bytes.try_into().ok()?).into(),
        (b'f', 8) => f64::from_le_bytes(bytes.try_into().ok()?),
        (b'i', 1) => i8::from_le_bytes(bytes.try_into().ok()?).into(),
        (b'i', 2) => i16::from_le_bytes(bytes.try_into().ok()?).into(),
        (b'i', 4) => i32::from_le_bytes(bytes.try_into().ok()?).into(),
        (b'i', 8) => i64::from_le_bytes(bytes.try_into().ok()?) as f64,
        (b'u' | b'b', 1) => bytes[0].into(),
        (b'u', 2) => u16::from_le_bytes(bytes.try_into().ok()?).into(),
        (b'u', 4) => u32::from_le_bytes(bytes.try_into().ok()?).into(),
        (b'u', 8) => u64::from_le_bytes(bytes.try_into().ok()?) as f64,
        _ => return None,
    })
}

fn header(file: &mut impl Read) -> Result<Header> {
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
    let text = String::from_utf8_lossy(&text);
    parse(&text).ok_or_else(|| invalid(format!("its header is {:?}", text.trim())))
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (100, 28, 28, 1), }`.
fn parse(text: &str) -> Option<Header> {
    let after = |key: &str| text.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
    let descr = after("descr")?.strip_prefix('\'')?.split('\'').next()?;
    let (order, rest) = descr.split_at_checked(1)?;
    let kind = *rest.as_bytes().first()?;
    let size: usize = rest.get(1..)?.parse().ok().filter(|size| (1..=8).contains(size))?;
    let fortran = match after("fortran_order")? {
        rest if rest.starts_with("True") => true,
        rest if rest.starts_with("False") => false,
        _ => return None,
    };
    let shape = after("shape")?.strip_prefix('(')?.split(')').next()?;
    let shape = shape.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().ok());
    Some(Header { kind, size, big_endian: order == ">", fortran, shape: shape.collect::<Option<_>>()? })
}

/// Reorders from first-axis-fastest to last-axis-fastest.
fn row_major(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut position = vec![0; shape.len()];
    let mut out = vec![0.0; values.len()];
    for &value in values {
        let at = position.iter().zip(shape).fold(0, |at, (p, size)| at * size + p);
        out[at] = value;
        for axis in 0..shape.len() {
            position[axis] += 1;
            if position[axis] < shape[axis] {
                break;
            }
            position[axis] = 0;
        }
    }
    out
}

/// Writes float32 values, row-major.
pub fn write(file: &mut dyn Write, shape: &[usize], values: &[f32]) -> std::io::Result<()> {
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
    file.write_all(header.as_bytes())?;
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
        read(&mut &bytes[..], bytes.len() as u64)
    }

    #[test]
    fn what_is_written_can_be_read() {
        for shape in [vec![3], vec![2, 3], vec![0, 4], vec![2, 1, 2, 2]] {
            let values: Vec<f32> = (0..shape.iter().product()).map(|i: usize| i as f32 / 8.0).collect();
            let mut bytes = Vec::new();
            write(&mut bytes, &shape, &values).unwrap();
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
