/// Largest configuration file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 4 << 20;
/// Files that one configuration may consist of, the main one included.
pub const FILES_MAX: usize = 32;
/// How deep files may include files.
pub const INCLUDE_DEPTH_MAX: usize = 8;
/// How deep lists and maps may nest in a file.
pub const NESTING_DEPTH_MAX: usize = 64;
/// Values in all files together, after aliases are expanded. Small files that alias themselves
/// into billions of values end here.
pub const VALUES_MAX: usize = 250_000;
/// Bytes of text in all files together, after aliases are expanded.
pub const TEXT_BYTES_MAX: usize = 32 << 20;
/// Problems that are listed; the rest are counted.
pub const PROBLEMS_MAX: usize = 200;
