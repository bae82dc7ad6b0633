using Microsoft.Extensions.Time.Testing;
using Ocellus.Console.Images;

namespace Ocellus.Tests.Console.Images;

/// <summary>Two people at the same images.</summary>
public sealed class ImageChangesTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private readonly ImageChanges _changes;

    public ImageChangesTests() => _changes = new(_clock);

    [Fact]
    public void Who_has_an_image_open_is_seen_by_others_until_the_page_is_gone()
    {
        Pulse("one", "ann.lee", "a.jpg");

        Assert.Equal([new Present("a.jpg", "AL", "ann.lee")], Pulse("two", "bob", null).Others);
        Assert.Empty(Pulse("one", "ann.lee", "a.jpg").Others);
        _clock.Advance(ImageChanges.OpenFor);
        Assert.Empty(Pulse("two", "bob", null).Others);
    }

    [Fact]
    public void The_next_unlabelled_image_is_another_one_for_each_until_the_lease_lapses()
    {
        Assert.Equal("a", Lease("one", "a", "b", "c"));
        Assert.Equal("b", Lease("two", "a", "b", "c"));
        Assert.Equal("c", Lease("one", "b", "c"));
        _clock.Advance(ImageChanges.TakenFor + TimeSpan.FromSeconds(1));
        Assert.Equal("a", Lease("two", "a", "b"));
    }

    [Fact]
    public void When_all_are_taken_there_is_none()
    {
        Lease("one", "a");

        Assert.Null(Lease("two", "a"));
    }

    [Fact]
    public void A_page_hears_of_each_change_once()
    {
        var seq = Pulse("one", "ann", null).Seq;
        _changes.Publish("p", [new("train", "a"), new("train", "b"), new("train", "a")]);

        var heard = Pulse("one", "ann", null, seq);

        Assert.Equal([new("train", "a"), new("train", "b")], heard.Changed);
        Assert.Empty(Pulse("one", "ann", null, heard.Seq).Changed!);
    }

    [Fact]
    public void A_page_that_missed_too_much_reads_its_index_again()
    {
        var seq = Pulse("one", "ann", null).Seq;
        _changes.Publish("p", Enumerable.Range(0, ImageChanges.ToldMax + 1).Select(i => new ChangedImage("train", $"{i}")));

        Assert.Null(Pulse("one", "ann", null, seq).Changed);
        // A number of another run of the server.
        Assert.Null(Pulse("one", "ann", null, seq - 1000).Changed);
        var now = Pulse("one", "ann", null).Seq;
        _changes.PublishAll("p");
        Assert.Null(Pulse("one", "ann", null, now).Changed);
    }

    private PulseAnswer Pulse(string tab, string user, string? open, long after = 0) => _changes.Pulse("p", user, new(tab, after, open));

    private string? Lease(string tab, params string[] candidates) => _changes.Lease("p", tab, new(tab, candidates));
}
