// SPDX-License-Identifier: Apache-2.0
//! What drives answered to administrative commands: requests and bytes.

use serde::{Deserialize, Serialize};

use super::Bytes;

/// A command that only reads, and what of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriveRequest {
    /// NVMe Identify (base specification 2.0 §5.17). Answers with 4096 bytes.
    NvmeIdentify {
        /// Controller or Namespace Structure: which data is wanted.
        cns: u8,
        /// The namespace it is about; 0 for none.
        namespace: u32,
    },
    /// NVMe Get Log Page (§5.16) of the whole controller.
    NvmeLog {
        /// Log page identifier.
        page: u8,
        /// Bytes of the page, a multiple of 4.
        length: u32,
    },
    /// NVMe Get Features (§5.15), current value. Answers with dword 0 of the
    /// completion, little endian.
    NvmeFeature {
        /// Feature identifier.
        feature: u8,
    },
    /// ATA IDENTIFY DEVICE (ACS-4 §7.13). 512 bytes.
    AtaIdentify,
    /// ATA SMART READ DATA (ACS-3 §7.48.7). 512 bytes.
    AtaSmartData,
    /// ATA SMART READ THRESHOLDS (SFF-8035i). 512 bytes.
    AtaSmartThresholds,
    /// ATA SMART RETURN STATUS (ACS-4 §7.44.8). Answers with the SCSI sense
    /// data that carries the drive's registers (SAT-4 §12.2.2.6).
    AtaSmartStatus,
    /// ATA READ LOG EXT (ACS-4 §7.24), one page of 512 bytes.
    AtaLog {
        /// Log address.
        log: u8,
        /// Page of the log.
        page: u16,
    },
    /// SCSI INQUIRY of a vital product data page (SPC-5 §6.7).
    ScsiVpd {
        /// Page code.
        page: u8,
    },
    /// SCSI LOG SENSE, cumulative values (SPC-5 §6.8).
    ScsiLog {
        /// Page code.
        page: u8,
    },
    /// SCSI MODE SENSE (10), current values, no block descriptor (SPC-5 §6.14).
    ScsiMode {
        /// Page code.
        page: u8,
    },
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The bytes the drive gave, as many as it gave.
    Data(Bytes),
    /// It refused, in the kernel's words or with its own status.
    Refused(String),
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveAnswer {
    /// What was asked.
    pub request: DriveRequest,
    /// What came back.
    pub answer: Answer,
}

/// Everything one drive or controller answered, in the order it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriveAnswers {
    /// Requests that came back.
    pub answers: Vec<DriveAnswer>,
    /// Why there are not more: the device cannot be opened, or it did not
    /// answer in time.
    pub problem: Option<String>,
}

impl DriveAnswers {
    /// The bytes that a request brought.
    #[must_use]
    pub fn data(&self, request: DriveRequest) -> Option<&[u8]> {
        match self.answer(request)? {
            Answer::Data(bytes) => Some(&bytes.0),
            Answer::Refused(_) => None,
        }
    }

    /// What came back for a request, if anything did.
    #[must_use]
    pub fn answer(&self, request: DriveRequest) -> Option<&Answer> {
        self.answers
            .iter()
            .find(|answer| answer.request == request)
            .map(|answer| &answer.answer)
    }
}
