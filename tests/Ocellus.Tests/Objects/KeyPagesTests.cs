using System.Collections;
using System.Text;
using Ocellus.Objects.Files;

namespace Ocellus.Tests.Objects;

public sealed class KeyPagesTests
{
    [Fact]
    public void A_common_prefix_costs_the_same_however_many_keys_it_stands_for()
    {
        // 200,000 keys in two folders, and one key behind them.
        var keys = new Counted([.. Enumerable.Range(0, 200_000).Select(i => $"{(i < 100_000 ? "a" : "b")}/{i:D6}"), "c"]);
        var page = Page(keys, "", "/", null, 1000);
        Assert.Equal(["c"], page.Items);
        Assert.Equal(["a/", "b/"], page.Prefixes);
        Assert.Null(page.Next);
        Assert.InRange(keys.Reads, 1, 150);
    }

    [Fact]
    public void A_page_in_the_middle_reads_what_it_gives_and_no_more()
    {
        var keys = new Counted([.. Enumerable.Range(0, 200_000).Select(i => $"{i:D6}")]);
        var page = Page(keys, "1", null, "150000", 100);
        Assert.Equal(("150001", "150100", "150100"), (page.Items[0], page.Items[^1], page.Next));
        Assert.InRange(keys.Reads, 100, 150);

        keys = new Counted([.. Enumerable.Range(0, 200_000).Select(i => $"{i / 100:D4}/{i % 100:D2}")]);
        var folders = Page(keys, "", "/", "0999/", 1000);
        Assert.Equal((1000, "1000/", "1999/"), (folders.Prefixes.Count, folders.Prefixes[0], folders.Prefixes[^1]));
        // A thousand folders of a hundred keys: a search each.
        Assert.InRange(keys.Reads, 1000, 20_000);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Pages_together_give_what_a_walk_over_all_keys_gives(int seed)
    {
        var random = new Random(seed);
        const string letters = "ab/\uE000\U00010000";
        var runes = letters.EnumerateRunes().ToArray();
        string Word(int most) => string.Concat(Enumerable.Range(0, random.Next(most + 1)).Select(_ => runes[random.Next(runes.Length)].ToString()));
        for (var round = 0; round < 300; round++)
        {
            var keys = Enumerable.Range(0, random.Next(60)).Select(_ => Word(6)).Where(k => k.Length > 0).Distinct().Order(Utf8Order.Keys).ToList();
            string prefix = Word(2), delimiter = round % 3 == 0 ? "" : Word(1) is { Length: > 0 } d ? d : "/";
            string? after = round % 2 == 0 ? null : Word(3);
            var expected = new List<string>();
            foreach (var key in keys.Where(
                k => k.StartsWith(prefix, StringComparison.Ordinal) && (string.IsNullOrEmpty(after) || Utf8Order.Keys.Compare(k, after) > 0)))
            {
                var cut = delimiter.Length == 0 ? -1 : key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal);
                var shown = cut < 0 ? key : key[..(cut + delimiter.Length)];
                if (shown != after && (expected.Count == 0 || expected[^1] != shown))
                {
                    expected.Add(shown);
                }
            }

            var got = new List<string>();
            var marker = string.IsNullOrEmpty(after) ? null : after;
            do
            {
                var page = Page(keys, prefix, delimiter, marker, random.Next(1, 5));
                got.AddRange(page.Items.Concat(page.Prefixes).Order(Utf8Order.Keys));
                marker = page.Next;
            }
            while (marker is not null);

            Assert.Equal(expected, got);
        }
    }

    [Fact]
    public void Keys_are_in_the_order_of_their_bytes() =>
        Assert.Equal(
            new[] { "a", "\uE000", "\U00010000" }.OrderBy(k => Convert.ToHexString(Encoding.UTF8.GetBytes(k)), StringComparer.Ordinal),
            new[] { "\U00010000", "\uE000", "a" }.Order(Utf8Order.Keys));

    private static KeyPage<string> Page(IReadOnlyList<string> keys, string prefix, string? delimiter, string? after, int max) =>
        KeyPages.Of(keys, k => k, prefix, delimiter, after, k => after is null || Utf8Order.Keys.Compare(k, after) > 0, max);

    private sealed class Counted(IReadOnlyList<string> keys) : IReadOnlyList<string>
    {
        public int Reads { get; private set; }

        public int Count => keys.Count;

        public string this[int index]
        {
            get
            {
                Reads++;
                return keys[index];
            }
        }

        public IEnumerator<string> GetEnumerator() => throw new NotSupportedException("A page walks over nothing.");

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
