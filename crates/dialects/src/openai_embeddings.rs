//! OpenAI's `/v1/embeddings`: only ever passed on, since no other dialect has the like. What the gateway
//! reads of an answer is its usage; see [`crate::openai_chat::usage`].
