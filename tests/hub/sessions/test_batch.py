"""A batch on its way into mailboxes: those of groups, then all others, and each but once."""

from tests.support.stage import Stage


async def test_mailboxes_of_groups_get_a_batch_first_and_those_of_viewers_alone_later_and_each_but_once() -> None:
    for width_us in (0, 1_000_000):
        stage = Stage(width_us)
        member, alone = stage.seat(), stage.seat(alone=True)
        stage.put((0, 1, 1.0))
        await stage.turn(1)
        group = next(iter(stage.groups._of.values()))
        assert (member.subscription.updates, alone.subscription.updates is None) == (None, False)
        assert alone.subscription.updates is not None
        mailboxes = [group.updates.mailbox, alone.subscription.updates.mailbox]
        stage.put((0, 2_000_000, 2.0), (1, 2_000_000, 3.0))
        assert [bool(each) for each in mailboxes] == [True, False]
        stage.settle_others()
        waiting = [each.waiting_bytes for each in mailboxes]
        assert waiting[0] == waiting[1] > 0
        stage.settle_others()
        assert [each.waiting_bytes for each in mailboxes] == waiting
        await stage.turn(1)
        for seat in (member, alone):
            stage.check(seat)
