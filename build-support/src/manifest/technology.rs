//! What a part is made of, by its name.

use serde::Serialize;

use super::{Target, choices::named};
use crate::error::{Code, Error, Result};

named! {
    /// A family of devices whose logic is built alike.
    Technology {
        /// UltraScale+ of AMD: LUTs of 6 inputs, wide ones of 7 and 8.
        Xcup = "xcup",
        /// 7 series of AMD: the same, slower.
        Xc7 = "xc7",
        /// ECP5 of Lattice: LUTs of 4 inputs.
        Ecp5 = "ecp5",
        /// iCE40 of Lattice: LUTs of 4 inputs.
        Ice40 = "ice40",
    }
}

impl Technology {
    /// The technology of a part, if its name is one that is known here.
    pub fn of(part: &str) -> Option<Self> {
        let part = part.to_ascii_lowercase();
        if Ecp5::of(&part).is_some() {
            return Some(Self::Ecp5);
        }
        if part.starts_with("ice40") {
            return Some(Self::Ice40);
        }
        let device = amd(&part)?;
        // Kintex and Virtex are UltraScale+ with a `p` behind their number, and UltraScale without.
        let plus = |family: &str| {
            let number = device.strip_prefix(family)?.trim_start_matches(|c: char| c.is_ascii_digit());
            number.starts_with('p').then_some(Self::Xcup)
        };
        let begins = |families: &[&str]| families.iter().any(|family| device.starts_with(family));
        if begins(&["7"]) {
            return Some(Self::Xc7);
        }
        // Zynq, Artix and Spartan UltraScale+, Kria modules; a `u` and a number is an Alveo card.
        let alveo = device.strip_prefix('u').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if alveo || begins(&["zu", "au", "su", "k2"]) {
            return Some(Self::Xcup);
        }
        plus("ku").or_else(|| plus("vu"))
    }
}

/// A part of AMD without what all of them begin with: `xc`, and `xa` or `xq` where the grade is another.
fn amd(part: &str) -> Option<&str> {
    ["xc", "xa", "xq"].into_iter().find_map(|vendor| part.strip_prefix(vendor))
}

/// An ECP5, as nextpnr names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ecp5 {
    /// Its flag for the device: `85k`, `um-85k`, `um5g-85k`.
    pub device: &'static str,
    /// The package.
    pub package: &'static str,
    /// Speed grade: 6, 7 or 8.
    pub speed: u8,
}

impl Ecp5 {
    /// Series and size, and the device.
    const DEVICES: [(&'static str, &'static str); 10] = [
        ("lfe5u-12f", "12k"),
        ("lfe5u-25f", "25k"),
        ("lfe5u-45f", "45k"),
        ("lfe5u-85f", "85k"),
        ("lfe5um-25f", "um-25k"),
        ("lfe5um-45f", "um-45k"),
        ("lfe5um-85f", "um-85k"),
        ("lfe5um5g-25f", "um5g-25k"),
        ("lfe5um5g-45f", "um5g-45k"),
        ("lfe5um5g-85f", "um5g-85k"),
    ];
    const PACKAGES: [(&'static str, &'static str); 6] = [
        ("bg256", "CABGA256"),
        ("bg381", "CABGA381"),
        ("bg554", "CABGA554"),
        ("bg756", "CABGA756"),
        ("mg285", "CSFBGA285"),
        ("tg144", "TQFP144"),
    ];

    /// The device, speed grade and package of a name such as `LFE5U-85F-8BG381C`.
    pub fn of(part: &str) -> Option<Self> {
        let part = part.to_ascii_lowercase();
        let (_, device) =
            *Self::DEVICES.iter().find(|(name, _)| part.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')))?;
        let ordered = part.rsplit('-').next()?;
        let speed = ordered.chars().next()?.to_digit(10).filter(|speed| (6..=8).contains(speed))?;
        let (name, package) = *Self::PACKAGES.iter().find(|(name, _)| ordered[1..].starts_with(name))?;
        // What follows is the range of temperatures.
        matches!(&ordered[1 + name.len()..], "" | "c" | "i" | "a").then_some(Self { device, package, speed: speed as u8 })
    }
}

impl Target {
    /// The technology of the part.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a part whose technology is not known.
    pub fn technology(&self) -> Result<Technology> {
        Technology::of(&self.part).ok_or_else(|| {
            Error::new(Code::InvalidValue, format!("the technology of the part {:?} is not known", self.part)).help(
                "parts of UltraScale+ (\"xcu250-figd2104-2L-e\"), 7 series (\"xc7a100tcsg324-1\"), ECP5 (\"LFE5U-85F-8BG381C\", \
                 with speed grade and package) and iCE40 (\"iCE40HX8K-CT256\") are",
            )
        })
    }

    /// The frequency of the clock, in MHz.
    pub fn mhz(&self) -> f64 {
        1000.0 / self.clock_period
    }

    /// Whether AMD's tools know the part.
    pub fn is_of_amd(&self) -> bool {
        amd(&self.part.to_ascii_lowercase()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_part_says_its_technology() {
        for (technology, parts) in [
            (
                Some(Technology::Xcup),
                "xcu250-figd2104-2L-e xcu280-fsvh2892-2L-e xcvu9p-flga2104-2L-e XCVU13P-fhga2104-3-e xcku5p-ffvb676-2-e \
                 xczu7ev-ffvc1156-2-e xqzu5ev-ffrb900-1M-m xazu3eg-sbva484-1-i xcau15p-ffvb676-2-e xck26-sfvc784-2LV-c",
            ),
            (Some(Technology::Xc7), "xc7a100tcsg324-1 xc7vx690tffg1761-2 XC7Z020-CLG400-1 xa7a35tcpg236-1I xq7k325trf676-2L"),
            (Some(Technology::Ecp5), "LFE5U-85F-8BG381C lfe5um5g-85f-8bg381 LFE5U-25F-6BG256I LFE5UM-45F-7MG285C"),
            (Some(Technology::Ice40), "iCE40HX8K-CT256 ice40up5k-sg48 iCE40LP1K-CM121"),
            // UltraScale, Versal, an ECP5 without a package, other vendors.
            (None, "xcku040-ffva1156-2-e xcvu440-flga2892-1-c xcvc1902-vsva2197-2MP-e-S LFE5U-85F LFE5U-85F-8 LFE5U-85F-9BG381C"),
            (None, "LFE5U-99F-8BG381C LFE5U-85F-8BG381CC 10AX115N2F45E1SG MPF300T-1FCG1152I xc xcu x p"),
        ] {
            for part in parts.split_whitespace() {
                assert_eq!(Technology::of(part), technology, "{part}");
            }
        }
    }

    #[test]
    fn an_ecp5_has_what_nextpnr_asks_for() {
        let of = |part| Ecp5::of(part).map(|Ecp5 { device, package, speed }| (device, package, speed));
        assert_eq!(of("LFE5U-85F-8BG381C"), Some(("85k", "CABGA381", 8)));
        assert_eq!(of("LFE5UM5G-45F-8BG554I"), Some(("um5g-45k", "CABGA554", 8)));
        assert_eq!(of("lfe5u-12f-6tg144c"), Some(("12k", "TQFP144", 6)));
        for part in ["", "-", "LFE5U-85F-", "LFE5U-85F-é", "LFE5U-85F-8é", "LFE5U-85F-8BG381C-ES"] {
            assert_eq!(of(part), None, "{part}");
        }
    }
}
