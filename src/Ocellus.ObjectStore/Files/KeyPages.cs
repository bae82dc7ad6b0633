namespace Ocellus.Objects.Files;

/// <summary>One page of items sorted by key.</summary>
/// <param name="Items">Items without a common prefix.</param>
/// <param name="Prefixes">Common prefixes.</param>
/// <param name="Next">The last key or prefix of the page if more follow; otherwise null.</param>
/// <param name="NextIsPrefix">Whether <paramref name="Next"/> is a common prefix.</param>
internal sealed record KeyPage<T>(IReadOnlyList<T> Items, IReadOnlyList<string> Prefixes, string? Next, bool NextIsPrefix);

/// <summary>
/// Pages of keys in the order of their UTF-8 bytes. Items under a common prefix are skipped by search: a prefix costs about the same for one key as for a
/// million, so the cost of a page depends on its own size, not on the number of keys.
/// </summary>
internal static class KeyPages
{
    /// <param name="sorted">All items, sorted by key.</param>
    /// <param name="keyOf">Returns the key of an item.</param>
    /// <param name="prefix">The prefix of the keys.</param>
    /// <param name="delimiter">Ends a common prefix; null or empty for none.</param>
    /// <param name="marker">The last key or common prefix of the previous page; null for the first page.</param>
    /// <param name="isAfter">Whether an item comes after the marker. True for all items after the first such one.</param>
    /// <param name="max">Maximum number of items and prefixes.</param>
    public static KeyPage<T> Of<T>(
        IReadOnlyList<T> sorted, Func<T, string> keyOf, string prefix, string? delimiter, string? marker, Func<T, bool> isAfter, int max)
    {
        List<T> items = [];
        List<string> prefixes = [];
        if (max <= 0)
        {
            return new(items, prefixes, null, false);
        }

        var i = First(sorted, 0, x => isAfter(x) && Utf8Order.Keys.Compare(keyOf(x), prefix) >= 0);
        if (marker is not null && Common(marker, prefix, delimiter) is { } whole && whole == marker)
        {
            // A page that ended with a common prefix continues after all of its keys.
            i = First(sorted, i, x => IsBehind(keyOf(x), whole));
        }

        string? last = null;
        var lastIsPrefix = false;
        while (i < sorted.Count)
        {
            var item = sorted[i];
            var key = keyOf(item);
            if (!key.StartsWith(prefix, StringComparison.Ordinal))
            {
                break;
            }

            if (items.Count + prefixes.Count == max)
            {
                return new(items, prefixes, last, lastIsPrefix);
            }

            if (Common(key, prefix, delimiter) is { } common)
            {
                prefixes.Add(common);
                (last, lastIsPrefix) = (common, true);
                i = First(sorted, i + 1, x => IsBehind(keyOf(x), common));
            }
            else
            {
                items.Add(item);
                (last, lastIsPrefix) = (key, false);
                i++;
            }
        }

        return new(items, prefixes, null, false);
    }

    private static string? Common(string key, string prefix, string? delimiter)
    {
        if (string.IsNullOrEmpty(delimiter) || !key.StartsWith(prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var end = key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal);
        return end < 0 ? null : key[..(end + delimiter.Length)];
    }

    private static bool IsBehind(string key, string prefix) => Utf8Order.Keys.Compare(key, prefix) > 0 && !key.StartsWith(prefix, StringComparison.Ordinal);

    /// <summary>
    /// The first index from <paramref name="from"/> on for which the predicate holds; it holds for all later ones too. A galloping search, because the index is
    /// mostly near.
    /// </summary>
    private static int First<T>(IReadOnlyList<T> sorted, int from, Func<T, bool> holds)
    {
        var (low, high, step) = (from, sorted.Count, 1);
        while (low + step < high)
        {
            if (holds(sorted[low + step - 1]))
            {
                high = low + step - 1;
                break;
            }

            low += step;
            step *= 2;
        }

        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = holds(sorted[middle]) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
