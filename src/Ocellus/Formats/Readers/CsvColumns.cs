using System.Globalization;

namespace Ocellus.Formats.Readers;

/// <summary>Which column of a table is what: by its header, or without one by what the first row has.</summary>
internal sealed class CsvColumns
{
    private static readonly Dictionary<string, string> _roles = Roles(
        ("image", "image,filename,file,file_name,filepath,file_path,path,image_path,imagepath,image_name,imagename,"
            + "image_id,imageid,img,img_path,name,uri,url,picture,photo"),
        ("label", "label,class,class_name,classname,label_name,labelname,category,category_name,tag,target,species,labels,annotation"),
        ("split", "split,set,subset,usage,dataset,partition,ml_use"),
        ("x1", "x1,xmin,x_min,left,bbox_x1,x_1,xtl"), ("y1", "y1,ymin,y_min,top,bbox_y1,y_1,ytl"),
        ("x2", "x2,xmax,x_max,right,bbox_x2,x_2,xbr"), ("y2", "y2,ymax,y_max,bottom,bbox_y2,y_2,ybr"),
        ("x", "x,bbox_x"), ("y", "y,bbox_y"),
        ("cx", "cx,x_center,xcenter,center_x,x_centre"), ("cy", "cy,y_center,ycenter,center_y,y_centre"),
        ("w", "w,box_width,bbox_width,bbox_w,box_w"), ("h", "h,box_height,bbox_height,bbox_h,box_h"),
        ("width", "width"), ("height", "height"),
        ("image_width", "image_width,img_width,imagewidth"), ("image_height", "image_height,img_height,imageheight"));

    private readonly Dictionary<string, int> _at = new(StringComparer.Ordinal);

    private CsvColumns()
    {
    }

    /// <summary>The first row is a header.</summary>
    public bool HasHeader { get; private init; }

    /// <summary>Columns of which each is a label, with 0 or 1 in it.</summary>
    public IReadOnlyList<(int Column, string Label)> Flags { get; private set; } = [];

    /// <summary>Rows have boxes.</summary>
    public bool HasBoxes => Has("x1", "y1", "x2", "y2") || Has("x1", "y1", "w", "h") || Has("x", "y", "w", "h") || Has("cx", "cy", "w", "h");

    /// <summary>What a header's names are taken for, for a message.</summary>
    public static string Known => "image, label, split, and xmin, ymin, xmax, ymax, or x, y, w, h";

    /// <summary>The columns; null if they cannot be told.</summary>
    /// <param name="rows">The first rows, at least one.</param>
    public static CsvColumns? Of(IReadOnlyList<string[]> rows) =>
        rows[0].Any(IsImageName) ? Plain(rows[0]) : Named(rows[0], rows) is var named && named.Has("image")
            && (named.Has("label") || named.Flags.Count > 0) ? named : null;

    /// <summary>A cell's text; empty if the row or the table has none.</summary>
    public string Text(string[] row, string role) => _at.TryGetValue(role, out var at) && at < row.Length ? row[at].Trim() : "";

    /// <summary>The box of a row, in the table's units; null if its cells are empty, not numbers if they have none.</summary>
    public (double Left, double Top, double Width, double Height)? Box(string[] row)
    {
        if (!HasBoxes)
        {
            return null;
        }

        string[] roles = Has("x1", "y1", "x2", "y2") ? ["x1", "y1", "x2", "y2"] : Has("cx", "cy") ? ["cx", "cy", "w", "h"] : Has("x1", "y1")
            ? ["x1", "y1", "w", "h"] : ["x", "y", "w", "h"];
        if (roles.All(r => Text(row, r).Length == 0))
        {
            return null;
        }

        var n = Array.ConvertAll(roles, r => Number(Text(row, r)) ?? double.NaN);
        return roles[2] == "x2" ? (Math.Min(n[0], n[2]), Math.Min(n[1], n[3]), Math.Abs(n[2] - n[0]), Math.Abs(n[3] - n[1]))
            : roles[0] == "cx" ? (n[0] - (n[2] / 2), n[1] - (n[3] / 2), n[2], n[3])
            : (n[0], n[1], n[2], n[3]);
    }

    /// <summary>A number with a decimal point or a decimal comma.</summary>
    public static double? Number(string text) =>
        double.TryParse(text.Contains('.', StringComparison.Ordinal) ? text : text.Replace(',', '.'), NumberStyles.Float, CultureInfo.InvariantCulture,
            out var number)
            ? number
            : null;

    private static bool IsImageName(string cell) => SourceTree.IsImage(cell.Trim());

    private bool Has(params ReadOnlySpan<string> roles)
    {
        foreach (var role in roles)
        {
            if (!_at.ContainsKey(role))
            {
                return false;
            }
        }

        return true;
    }

    private static CsvColumns Named(string[] header, IReadOnlyList<string[]> rows)
    {
        var columns = new CsvColumns { HasHeader = true };
        for (var i = 0; i < header.Length; i++)
        {
            var name = header[i].Trim().ToLowerInvariant().Replace(' ', '_').Replace('-', '_');
            if (_roles.TryGetValue(name, out var role))
            {
                columns._at.TryAdd(role, i);
            }
        }

        columns.SizesOrSides();
        if (!columns.Has("label") && columns.Has("image"))
        {
            var image = columns._at["image"];
            var flags = Enumerable.Range(0, header.Length).Where(i => i != image && columns._at.Values.All(v => v != i)).ToList();
            if (flags.Count > 0 && rows.Count > 1 && flags.TrueForAll(i => rows.Skip(1).All(r => i < r.Length && r[i].Trim() is "0" or "1")))
            {
                columns.Flags = [.. flags.Select(i => (i, header[i].Trim()))];
            }
        }

        return columns;
    }

    /// <summary><c>width</c> and <c>height</c> are those of the box where it has no other, and else those of the picture.</summary>
    private void SizesOrSides()
    {
        if (!Has("x2") && !Has("w") && Has("width", "height") && (Has("x1", "y1") || Has("x", "y") || Has("cx", "cy")))
        {
            (_at["w"], _at["h"]) = (_at["width"], _at["height"]);
        }
        else if (Has("width", "height") && !Has("image_width"))
        {
            (_at["image_width"], _at["image_height"]) = (_at["width"], _at["height"]);
        }
    }

    private static CsvColumns? Plain(string[] row)
    {
        var columns = new CsvColumns();
        var image = Array.FindIndex(row, IsImageName);
        columns._at["image"] = image;
        // Google's tables: use, address, label, then the corners x1, y1, x2, y1, x2, y2, x1, y2, of which two may be empty.
        if (image == 1 && row.Length == 11 && SplitNames.Of(row[0]) is not null)
        {
            (columns._at["split"], columns._at["label"]) = (0, 2);
            (columns._at["x1"], columns._at["y1"], columns._at["x2"], columns._at["y2"]) = (3, 4, 7, 8);
            return columns;
        }

        var numbers = Enumerable.Range(0, row.Length).Where(i => i != image && Number(row[i].Trim()) is not null).ToList();
        var texts = Enumerable.Range(0, row.Length).Where(i => i != image && !numbers.Contains(i) && row[i].Trim().Length > 0).ToList();
        if (texts.Count > 1 && texts.FindIndex(i => SplitNames.Of(row[i]) is Split.Train or Split.Validation or Split.Test) is >= 0 and var use)
        {
            columns._at["split"] = texts[use];
            texts.RemoveAt(use);
        }

        if (texts.Count == 1)
        {
            columns._at["label"] = texts[0];
        }
        else if (texts.Count == 0 && numbers.Count is 1 or 5)
        {
            // A label that is a number: after the image, or at the end of the row.
            columns._at["label"] = numbers.Count == 1 ? numbers[0] : numbers[^1];
            numbers.Remove(columns._at["label"]);
        }
        else if (!(texts.Count == 0 && numbers.Count == 0 && row.Length is 2 or 6))
        {
            return null;
        }
        else
        {
            // An image without anything: the label is where it would be.
            columns._at["label"] = row.Length == 2 ? 1 - image : row.Length - 1;
            numbers = row.Length == 6 ? [.. Enumerable.Range(image + 1, 4)] : numbers;
        }

        return columns.Placed(numbers) ? columns : null;
    }

    /// <summary>Numbers are a box, or the picture's size and a box.</summary>
    private bool Placed(List<int> numbers)
    {
        string[] roles = numbers.Count switch
        {
            0 => [],
            4 => ["x1", "y1", "x2", "y2"],
            6 => ["image_width", "image_height", "x1", "y1", "x2", "y2"],
            _ => null!
        };
        for (var i = 0; roles is not null && i < roles.Length; i++)
        {
            _at[roles[i]] = numbers[i];
        }

        return roles is not null;
    }

    private static Dictionary<string, string> Roles(params (string Role, string Names)[] roles) =>
        roles.SelectMany(r => r.Names.Split(',').Select(n => (n, r.Role))).ToDictionary(r => r.n, r => r.Role, StringComparer.Ordinal);
}
