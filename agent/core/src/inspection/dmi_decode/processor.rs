// SPDX-License-Identifier: Apache-2.0
//! Processor information (DSP0134 §7.5).

use super::words::{OUT_OF_SPEC, Section, joined, named, string, with_unit};
use crate::smbios::Structure;
use crate::smbios::memory_names::flags;
use crate::smbios::processor_names::{PROCESSOR_TYPE, SOCKET, family};

/// Feature bits in the upper half of the processor's id (EDX of CPUID 1).
const FLAGS: &[(u32, &str)] = &[
    (0, "FPU (Floating-point unit on-chip)"),
    (1, "VME (Virtual mode extension)"),
    (2, "DE (Debugging extension)"),
    (3, "PSE (Page size extension)"),
    (4, "TSC (Time stamp counter)"),
    (5, "MSR (Model specific registers)"),
    (6, "PAE (Physical address extension)"),
    (7, "MCE (Machine check exception)"),
    (8, "CX8 (CMPXCHG8 instruction supported)"),
    (9, "APIC (On-chip APIC hardware supported)"),
    (11, "SEP (Fast system call)"),
    (12, "MTRR (Memory type range registers)"),
    (13, "PGE (Page global enable)"),
    (14, "MCA (Machine check architecture)"),
    (15, "CMOV (Conditional move instruction supported)"),
    (16, "PAT (Page attribute table)"),
    (17, "PSE-36 (36-bit page size extension)"),
    (18, "PSN (Processor serial number present and enabled)"),
    (19, "CLFSH (CLFLUSH instruction supported)"),
    (21, "DS (Debug store)"),
    (22, "ACPI (ACPI supported)"),
    (23, "MMX (MMX technology supported)"),
    (24, "FXSR (FXSAVE and FXSTOR instructions supported)"),
    (25, "SSE (Streaming SIMD extensions)"),
    (26, "SSE2 (Streaming SIMD extensions 2)"),
    (27, "SS (Self-snoop)"),
    (28, "HTT (Multi-threading)"),
    (29, "TM (Thermal monitor supported)"),
    (31, "PBE (Pending break enabled)"),
];
const CHARACTERISTICS: &[(u32, &str)] = &[
    (2, "64-bit capable"),
    (3, "Multi-Core"),
    (4, "Hardware Thread"),
    (5, "Execute Protection"),
    (6, "Enhanced Virtualization"),
    (7, "Power/Performance Control"),
    (8, "128-bit Capable"),
    (9, "Arm64 SoC ID"),
];
const STATES: [&str; 8] = [
    "Unknown",
    "Enabled",
    "Disabled By User",
    "Disabled By BIOS",
    "Idle",
    OUT_OF_SPEC,
    OUT_OF_SPEC,
    "Other",
];

/// Who wrote the processor's id, and so what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    Intel,
    Amd,
    Arm,
    Other,
}

pub(super) fn decode(processor: &Structure<'_>, section: &mut Section) {
    if processor.length() < 0x1a {
        return;
    }
    let number = |offset| u32::from(processor.word(offset).unwrap_or_default());
    section.put("Socket Designation", string(processor, 0x04));
    let kind = processor.byte(0x05).map(|kind| named(PROCESSOR_TYPE, kind));
    section.put("Type", kind);
    section.put("Family", family_name(processor));
    section.put("Manufacturer", string(processor, 0x07));
    id(processor, section);
    section.put("Version", string(processor, 0x10));
    section.put("Voltage", processor.byte(0x11).map(voltage));
    section.put("External Clock", Some(with_unit(number(0x12), "MHz")));
    section.put("Max Speed", Some(with_unit(number(0x14), "MHz")));
    section.put("Current Speed", Some(with_unit(number(0x16), "MHz")));
    section.put("Status", processor.byte(0x18).map(status));
    section.put(
        "Upgrade",
        processor.byte(0x19).map(|socket| named(SOCKET, socket)),
    );
    for (level, offset) in [(1, 0x1a), (2, 0x1c), (3, 0x1e)] {
        let handle = processor.word(offset).map(cache_handle);
        section.put(&format!("L{level} Cache Handle"), handle);
    }
    section.put("Serial Number", string(processor, 0x20));
    section.put("Asset Tag", string(processor, 0x21));
    section.put("Part Number", string(processor, 0x22));
    section.put("Core Count", count(processor, 0x23, 0x2a));
    section.put("Core Enabled", count(processor, 0x24, 0x2c));
    section.put("Thread Count", count(processor, 0x25, 0x2e));
    if let Some(bits) = processor.word(0x26) {
        put_flags(
            section,
            "Characteristics",
            &flags(CHARACTERISTICS, bits.into()),
        );
    }
}

fn put_flags(section: &mut Section, key: &str, names: &[&str]) {
    if names.is_empty() {
        section.put(key, Some("None"));
    } else {
        section.put_list(key, names);
    }
}

fn family_number(processor: &Structure<'_>) -> Option<u16> {
    match processor.byte(0x06)? {
        0xfe => processor.word(0x28).or(Some(0xfe)),
        number => Some(number.into()),
    }
}

fn family_name(processor: &Structure<'_>) -> Option<&'static str> {
    let number = family_number(processor)?;
    // Two vendors took the same number.
    if number == 0xbe {
        let maker = string(processor, 0x07).unwrap_or_default();
        if maker.contains("Intel") {
            return Some("Core 2");
        }
        if maker.contains("AMD") {
            return Some("K7");
        }
    }
    Some(family(number).unwrap_or(OUT_OF_SPEC))
}

fn id_kind(family: u16) -> Id {
    match family {
        0x0b..=0x15
        | 0x28..=0x2f
        | 0xa1..=0xb3
        | 0xb5
        | 0xb9..=0xc7
        | 0xcd..=0xcf
        | 0xd2..=0xdb
        | 0xdd..=0xe0 => Id::Intel,
        0x18..=0x1d
        | 0x1f
        | 0x38..=0x3f
        | 0x46..=0x4f
        | 0x66..=0x6b
        | 0x83..=0x8f
        | 0xb6
        | 0xb7
        | 0xe4..=0xef => Id::Amd,
        0x100 | 0x101 | 0x118 | 0x119 => Id::Arm,
        _ => Id::Other,
    }
}

fn id(processor: &Structure<'_>, section: &mut Section) {
    let Some(bytes) = processor.bytes::<8>(0x08) else {
        return;
    };
    let text: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    section.put("ID", Some(text.join(" ")));
    let low = processor.dword(0x08).unwrap_or_default();
    let high = processor.dword(0x0c).unwrap_or_default();
    let kind = family_number(processor).map_or(Id::Other, id_kind);
    match kind {
        Id::Intel | Id::Amd => {
            section.put("Signature", Some(x86_signature(kind, low)));
            put_flags(section, "Flags", &flags(FLAGS, high.into()));
        }
        Id::Arm => {
            let is_soc_id = processor.word(0x26).unwrap_or_default() & 1 << 9 != 0;
            section.put("Signature", arm_signature(is_soc_id, low, high));
        }
        Id::Other => {}
    }
}

fn x86_signature(kind: Id, eax: u32) -> String {
    let (family, model) = ((eax >> 8) & 0xf, (eax >> 4) & 0xf);
    let (more_family, more_model) = ((eax >> 20) & 0xff, (eax >> 12) & 0xf0);
    let stepping = eax & 0xf;
    if kind == Id::Intel {
        let (family, model) = (family + more_family, model + more_model);
        let kind = (eax >> 12) & 3;
        return format!("Type {kind}, Family {family}, Model {model}, Stepping {stepping}");
    }
    let (family, model) = if family == 0xf {
        (family + more_family, model + more_model)
    } else {
        (family, model)
    };
    format!("Family {family}, Model {model}, Stepping {stepping}")
}

fn arm_signature(is_soc_id: bool, low: u32, high: u32) -> Option<String> {
    if is_soc_id {
        let (bank, maker) = ((low >> 24) & 0x7f, (low >> 16) & 0xff);
        let soc = low & 0xffff;
        return Some(format!(
            "JEP-106 Bank 0x{bank:02x} Manufacturer 0x{maker:02x}, \
             SoC ID 0x{soc:04x}, SoC Revision 0x{high:08x}"
        ));
    }
    (low != 0).then(|| {
        format!(
            "Implementor 0x{:02x}, Variant 0x{:x}, Architecture {}, Part 0x{:03x}, Revision {}",
            low >> 24,
            (low >> 20) & 0xf,
            (low >> 16) & 0xf,
            (low >> 4) & 0xfff,
            low & 0xf
        )
    })
}

fn voltage(code: u8) -> String {
    if code & 0x80 != 0 {
        let tenths = code & 0x7f;
        return format!("{}.{} V", tenths / 10, tenths % 10);
    }
    match flags(&[(0, "5.0 V"), (1, "3.3 V"), (2, "2.9 V")], code.into()) {
        names if names.is_empty() => "Unknown".to_owned(),
        names => joined(&names),
    }
}

fn status(status: u8) -> String {
    if status & 0x40 == 0 {
        return "Unpopulated".to_owned();
    }
    let state = STATES.get(usize::from(status & 7)).copied();
    format!("Populated, {}", state.unwrap_or(OUT_OF_SPEC))
}

fn cache_handle(handle: u16) -> String {
    if handle == 0xffff {
        "Not Provided".to_owned()
    } else {
        format!("0x{handle:04X}")
    }
}

/// A count that is told, in one byte or two.
fn count(processor: &Structure<'_>, byte: usize, word: usize) -> Option<String> {
    match processor.byte(byte)? {
        0 => None,
        0xff => Some(processor.word(word).unwrap_or(0xff).to_string()),
        count => Some(count.to_string()),
    }
}
