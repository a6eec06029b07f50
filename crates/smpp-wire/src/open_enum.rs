//! An enumeration of wire values that keeps the values it does not know.

/// Values that the specification does not name are kept in `Other`, so that what came in can go out unchanged.
macro_rules! open_enum {
    ($(#[$meta:meta])* pub enum $name:ident: $int:ty { $($(#[$about:meta])* $variant:ident = $value:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$about])* $variant,)+
            Other($int),
        }

        impl From<$int> for $name {
            fn from(value: $int) -> Self {
                match value {
                    $($value => Self::$variant,)+
                    other => Self::Other(other),
                }
            }
        }

        impl From<$name> for $int {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => $value,)+
                    $name::Other(other) => other,
                }
            }
        }
    };
}

pub(crate) use open_enum;
