//! One vendor of three misbehaves for some seconds under steady load, in every way it can: nothing is lost, nothing is
//! doubled without a word, the others go on, and soon after its end the vendor is sent to again.

mod answers;
mod lines;
mod parts;
mod receipts;
mod stand;
