/// Whether a key of `litellm_params` or `model_info` sets a price, told by the price map's way of naming.
pub fn is_price_field(name: &str) -> bool {
    const MARKS: [&str; 5] =
        ["cost_per_", "_input_token_cost", "_audio_token_cost", "_image_token_cost", "_uplift_multiplier"];
    name == "tiered_pricing" || MARKS.iter().any(|mark| name.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_told_from_parameters() {
        for price in [
            "input_cost_per_token",
            "output_cost_per_second_720p",
            "cache_read_input_token_cost_above_200k_tokens",
            "cache_creation_input_audio_token_cost",
            "cache_read_input_image_token_cost",
            "search_context_cost_per_query",
            "tiered_pricing",
            "regional_processing_uplift_multiplier_eu",
        ] {
            assert!(is_price_field(price), "{price}");
        }
        for parameter in ["max_tokens", "temperature", "keep_alive", "supports_vision"] {
            assert!(!is_price_field(parameter), "{parameter}");
        }
    }
}
