"""The model: the price of a flat, from three numbers. The same input gives the same price."""

from dataclasses import dataclass

BASE = 24_000
FLOOR = 15_000


@dataclass(frozen=True)
class Feature:
    """One input of the model, with the range it was made for."""

    name: str
    label: str
    unit: str
    minimum: int
    maximum: int
    weight: int


FEATURES = (
    Feature("area", "Living area", "m²", 10, 500, 2_650),
    Feature("rooms", "Rooms", "", 1, 20, 8_400),
    Feature("age", "Age of the building", "years", 0, 200, -720),
)


def price(inputs: dict[str, float]) -> int:
    """Return the price in euros, to the nearest hundred. Inputs are those `read` returned."""
    total = BASE + sum(feature.weight * inputs[feature.name] for feature in FEATURES)
    return max(FLOOR, round(total / 100) * 100)


def read(data: object) -> dict[str, float]:
    """Return the inputs, or raise ValueError with a sentence that says what is wrong."""
    if not isinstance(data, dict):
        raise ValueError('Send a JSON object such as {"area": 80, "rooms": 3, "age": 10}.')  # noqa: TRY004
    unknown = sorted(set(data) - {feature.name for feature in FEATURES})
    if unknown:
        raise ValueError(f'The model does not know "{unknown[0]}".')
    return {feature.name: _number(feature, data.get(feature.name)) for feature in FEATURES}


def _number(feature: Feature, value: object) -> float:
    # bool is an int to Python and NaN is a float to its JSON parser; neither is in range.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not feature.minimum <= value <= feature.maximum:
        wanted = f"a number from {feature.minimum} to {feature.maximum}"
        raise ValueError(f'"{feature.name}" must be {wanted}.')
    return value
