//! An input, read front to back: short to write by hand or by a script, and a byte that is changed changes one thing.

/// What is left of an input.
pub struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    /// From its first byte.
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 after the end.
    pub fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    /// The next two bytes as a number, big-endian.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    /// The next eight bytes as a number, big-endian.
    pub fn long(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// The next bytes; zeros where the input has no more.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let (taken, rest) = self.0.split_at(N.min(self.0.len()));
        array[..taken.len()].copy_from_slice(taken);
        self.0 = rest;
        array
    }

    /// Two bytes of length and so many bytes, or what is left of them.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.short()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// One of these; the byte that chooses may be any.
    pub fn pick<'b, T>(&mut self, from: &'b [T]) -> Option<&'b T> {
        let byte = usize::from(self.byte());
        from.get(byte.checked_rem(from.len())?)
    }
}
