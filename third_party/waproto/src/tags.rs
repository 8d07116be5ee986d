// Generated from proto/signal.proto (see README.md). Do not edit.

pub mod identity_key_pair_structure {
    pub const PUBLIC_KEY: u32 = 1;
    pub const PRIVATE_KEY: u32 = 2;
}
pub mod pre_key_record_structure {
    pub const ID: u32 = 1;
    pub const PUBLIC_KEY: u32 = 2;
    pub const PRIVATE_KEY: u32 = 3;
}
pub mod pre_key_signal_message {
    pub const REGISTRATION_ID: u32 = 5;
    pub const PRE_KEY_ID: u32 = 1;
    pub const SIGNED_PRE_KEY_ID: u32 = 6;
    pub const BASE_KEY: u32 = 2;
    pub const IDENTITY_KEY: u32 = 3;
    pub const MESSAGE: u32 = 4;
    pub const KYBER_PRE_KEY_ID: u32 = 7;
    pub const KYBER_CIPHERTEXT: u32 = 8;
}
pub mod record_structure {
    pub const CURRENT_SESSION: u32 = 1;
    pub const PREVIOUS_SESSIONS: u32 = 2;
}
pub mod sender_key_distribution_message {
    pub const ID: u32 = 1;
    pub const ITERATION: u32 = 2;
    pub const CHAIN_KEY: u32 = 3;
    pub const SIGNING_KEY: u32 = 4;
}
pub mod sender_key_message {
    pub const ID: u32 = 1;
    pub const ITERATION: u32 = 2;
    pub const CIPHERTEXT: u32 = 3;
}
pub mod sender_key_record_structure {
    pub const SENDER_KEY_STATES: u32 = 1;
}
pub mod sender_key_state_structure {
    pub const SENDER_KEY_ID: u32 = 1;
    pub const SENDER_CHAIN_KEY: u32 = 2;
    pub const SENDER_SIGNING_KEY: u32 = 3;
    pub const SENDER_MESSAGE_KEYS: u32 = 4;
    pub mod sender_chain_key {
        pub const ITERATION: u32 = 1;
        pub const SEED: u32 = 2;
    }
    pub mod sender_message_key {
        pub const ITERATION: u32 = 1;
        pub const SEED: u32 = 2;
    }
    pub mod sender_signing_key {
        pub const PUBLIC: u32 = 1;
        pub const PRIVATE: u32 = 2;
    }
}
pub mod session_structure {
    pub const SESSION_VERSION: u32 = 1;
    pub const LOCAL_IDENTITY_PUBLIC: u32 = 2;
    pub const REMOTE_IDENTITY_PUBLIC: u32 = 3;
    pub const ROOT_KEY: u32 = 4;
    pub const PREVIOUS_COUNTER: u32 = 5;
    pub const SENDER_CHAIN: u32 = 6;
    pub const RECEIVER_CHAINS: u32 = 7;
    pub const PENDING_KEY_EXCHANGE: u32 = 8;
    pub const PENDING_PRE_KEY: u32 = 9;
    pub const REMOTE_REGISTRATION_ID: u32 = 10;
    pub const LOCAL_REGISTRATION_ID: u32 = 11;
    pub const NEEDS_REFRESH: u32 = 12;
    pub const ALICE_BASE_KEY: u32 = 13;
    pub mod chain {
        pub const SENDER_RATCHET_KEY: u32 = 1;
        pub const SENDER_RATCHET_KEY_PRIVATE: u32 = 2;
        pub const CHAIN_KEY: u32 = 3;
        pub const MESSAGE_KEYS: u32 = 4;
        pub mod chain_key {
            pub const INDEX: u32 = 1;
            pub const KEY: u32 = 2;
        }
        pub mod message_key {
            pub const INDEX: u32 = 1;
            pub const CIPHER_KEY: u32 = 2;
            pub const MAC_KEY: u32 = 3;
            pub const IV: u32 = 4;
            pub const SEED: u32 = 100;
        }
    }
    pub mod pending_key_exchange {
        pub const SEQUENCE: u32 = 1;
        pub const LOCAL_BASE_KEY: u32 = 2;
        pub const LOCAL_BASE_KEY_PRIVATE: u32 = 3;
        pub const LOCAL_RATCHET_KEY: u32 = 4;
        pub const LOCAL_RATCHET_KEY_PRIVATE: u32 = 5;
        pub const LOCAL_IDENTITY_KEY: u32 = 7;
        pub const LOCAL_IDENTITY_KEY_PRIVATE: u32 = 8;
    }
    pub mod pending_pre_key {
        pub const PRE_KEY_ID: u32 = 1;
        pub const SIGNED_PRE_KEY_ID: u32 = 3;
        pub const BASE_KEY: u32 = 2;
        pub const KYBER_PRE_KEY_ID: u32 = 4;
        pub const KYBER_CIPHERTEXT: u32 = 5;
    }
}
pub mod signal_message {
    pub const RATCHET_KEY: u32 = 1;
    pub const COUNTER: u32 = 2;
    pub const PREVIOUS_COUNTER: u32 = 3;
    pub const CIPHERTEXT: u32 = 4;
}
pub mod signed_pre_key_record_structure {
    pub const ID: u32 = 1;
    pub const PUBLIC_KEY: u32 = 2;
    pub const PRIVATE_KEY: u32 = 3;
    pub const SIGNATURE: u32 = 4;
    pub const TIMESTAMP: u32 = 5;
}
