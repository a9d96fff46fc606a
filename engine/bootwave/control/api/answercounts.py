"""How many answers the API gave, by the class of their status."""

from bootwave.control.metricstext import Metric


class AnswerCounts:
    """Counts answers, whoever gives them; in one thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._of_class = dict.fromkeys(range(2, 6), 0)

    def count(self, status: int) -> None:
        """Count an answer of *status*, a final one (RFC 9110 section 15)."""
        self._of_class[status // 100] += 1

    def metrics(self) -> list[Metric]:
        """Return how many there were of each class."""
        return [
            Metric(
                "api_answers_total",
                "counter",
                "answers of the API",
                {f'class="{one}xx"': many for one, many in self._of_class.items()},
            )
        ]
