"""Lists that the demo's people are dealt from. First and family names meet at random, so whoever
comes out of it is nobody; streets and towns are invented."""


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FAMILY = words(
    """
    Abara Abbott Achterberg Adeyemi Ahmed Ainsworth Akhtar Alderton Ali Appiah Archer Ashdown
    Asante Atkinson Babatunde Bagshaw Baines Balogun Banerjee Barrowclough Begum Bevan Bhatt
    Blackwood Boateng Bołtuć Brannigan Brathwaite Bristow Brzęczyszczykiewicz Cadwallader
    Campbell Carrington Castellanos Cheung Chikwanha Chowdhury Clutterbuck Coleridge-Amoah
    Cooper Costa Crabtree D’Souza Dąbrowska Daly Das Davies De-la-Cruz Desai Dhaliwal Dimitrova
    Donnelly Drummond Dunne Edmondson Edwards Ellis El-Sayed Evans Fairweather Farah Faulkner
    Featherstonehaugh Fernandes Fitzgerald Fofanah Forsythe Friedmann Gallagher Ganesan
    Garcia-Whitlock Ghebreyesus Gill Gonçalves Gordon Goswami Grabowski Griffiths Gunawardena
    Gurung Haddad Hallewell Harding Hassan Hayashi Hennessy Hernández Hollingsworth Hughes
    Hussain Ibrahim Ijeoma Iqbal Ivanova Jabłońska Jackson Jagger-Oduya James Jankowska Jenkins
    Jones Kamara Kapoor Kaur Kavanagh Kelly Khan Kiprotich Kowalczyk Krishnamoorthy Kumar
    Kwarteng Lamptey Lê Lewis Li Llewellyn Lloyd Lukács Łukasiewicz MacAllister MacDonald
    Mahmood Malik Marchetti Martins McAllister McIntyre Mbeki Mensah Mistry Mohamed Morgan
    Morris Müller Murphy Mutasa Nair Nakamura Ndiaye Ng Nguyễn Ní-Dhomhnaill Nowak Nwosu O’Brien
    O’Connor O’Neill Ó-Súilleabháin Oduya Ogunleye Okafor Okonkwo-Bell Osei Owen Owusu
    Palaniswami Park Parry Patel Pereira Petrov Phillips Popescu Powell Prasad Price Pritchard
    Quartey Quinn Rahman Raghunathan Ramírez Rees Reilly Reynolds Richards Roberts Rosenberg
    Ruiz Ryan Sadiq Saint-Clair Saleh Sandhu Santos Schwarz Sequeira Shah Sharma Sheikh Siddiqui
    Silva Singh Sithole Smith Sørensen St-John Stachowiak Stewart Subramaniam Sullivan
    Sutherland Świątek Szabó Tailor Tan Taylor Tembo Thapa Thirunavukkarasu Thomas Thompson
    Tierney Treetawtchaiwong Tremblay Trevelyan Uddin Ugwu Underhill Urbański Vaidya
    Van-der-Merwe Varga Vasquez Venkataraman Walker Wanjiru Warsame Watkins Weatherby White
    Wilkins Williams Wilson Wolstenholme Wong Wood Wright Wu Yamada Yeboah Yilmaz Young Zając
    Zhang Zhou Ziółkowska
    """
)

FEMALE = words(
    """
    Aaliyah Abigail Adaeze Agnes Aisha Alice Amara Amelia Amina Anastasia Aneta Angharad Anjali
    Anne Anneliese Aoife Ava Beatriz Bethan Blessing Bronwen Carmen Caroline Catherine Cerys
    Charlotte Chidinma Chloé Christine Ciara Claire Comfort Dorothy Efua Eilidh Eira Eleanor
    Elizabeth Emily Esther Fatima Ffion Fiona Florence Folake Freya Gabrielle Grace Gwenllian
    Halima Hannah Harriet Helen Ines Iona Isabella Ivy Jacqueline Jane Jasmine Jean Jessica Joan
    Jolanta Joyce Julia Karen Katarzyna Khadija Layla Leah Lesley Lily Linda Lowri Lucy
    Magdalena Máire Małgorzata Margaret Maria Marjorie Mary Maureen Maya Mei-Ling Mia Mina
    Mehwish Moira Nadia Nia Niamh Nicola Nkechi Noor Olivia Olwen Orla Pamela Patricia Pauline
    Phoebe Poppy Precious Priya Rachel Rania Rebecca Renée Rosemary Ruth Saoirse Sandra Sarah
    Seren Shanice Sheila Shirin Siân Simone Siobhán Sofía Sophie Sunita Susan Tamsin Temperance
    Thandiwe Valerie Vanessa Violet Wanda Wendy Xin Yasmin Yetunde Zainab Zoë Zuzanna
    """
)

MALE = words(
    """
    Aarav Abdullahi Adam Adrián Ahmed Alan Alasdair Albert Alexander Alfie Amir Andrew Aneurin
    Anthony Antonio Arjun Arthur Bartosz Benjamin Bogdan Brian Callum Charles Chidi Christopher
    Ciarán Colin Connor Daniel David Dafydd Derek Dmitri Donald Douglas Dylan Edward Emeka Emlyn
    Emmanuel Eoin Ethan Faisal Femi Francis Frank Fraser Gareth Geoffrey George Gerald Gethin
    Graham Grzegorz Gwilym Habib Hamza Harry Hassan Henry Hugh Ian Ibrahim Isaac Jack Jakub
    Jamal James Jean-Baptiste Jeremiah Joao John Jorge Joseph Joshua Kamil Keith Kenneth Kevin
    Kofi Kwame Kyle Lachlan László Leo Liam Luca Luís Malcolm Mandeep Marcus Mark Martin Matthew
    Maurice Michael Mohammed Nathaniel Neil Nicholas Nikhil Noah Norman Oliver Omar Oscar
    Oluwaseun Patrick Paul Peter Philip Quang Rafał Rajesh Raymond Reuben Rhodri Rhys Richard
    Robert Roderick Roger Ronald Rory Ruairí Ryan Samuel Sanjay Sebastian Seán Sergei Simon
    Stanisław Stephen Stuart Sunil Tadeusz Tariq Terence Theo Thomas Timothy Tobias Tomos Trevor
    Tunde Victor Vijay Vincent Vivek Walter Wei William Winston Xavier Yaw Yusuf Zachary Zain
    Zbigniew
    """
)

STREETS = words(
    """
    Acorn Alder Bramble Brickmakers Bridge Buttermere Candle Canal Carter Chandlers Cherry
    Clover Cobbler Copper Coriander Cornflower Cuckoo Damson Drovers Ferry Foundry Foxglove
    Glebe Harebell Harrier Hawthorn Heron Juniper Kestrel Kiln Lantern Lapwing Larkspur Linden
    Mallard Maltings Marigold Meadow Millrace Orchard Otter Paddock Pepper Plover Potters
    Primrose Quarry Quince Ropewalk Rowan Saddlers Saffron Sexton Skylark Sorrel Spindle Swallow
    Tanner Teasel Thimble Thistle Tinkers Wagtail Weavers Wheelwright Willow Yarrow
    """
)
STREET_ENDS = ("Road", "Street", "Lane", "Avenue", "Close", "Terrace", "Gardens", "Crescent", "Row",
               "Way", "Drive", "Mews")  # fmt: skip
TOWNS = ("Northgate", "Kingsmere", "Millbrook", "Harbour Lane", "Oakfield", "Eastmarsh", "Saltley",
         "Wychcombe", "Nether Wallow", "Upper Stoke Fen", "St Aldred’s")  # fmt: skip

LANGUAGES = ("Arabic", "Bengali", "British Sign Language", "Cantonese", "Farsi", "Gujarati",
             "Kurdish", "Polish", "Portuguese", "Punjabi", "Romanian", "Somali", "Spanish",
             "Tamil", "Thai", "Tigrinya", "Turkish", "Ukrainian", "Urdu", "Vietnamese",
             "Welsh")  # fmt: skip
NEEDS = ("Wheelchair user", "Hard of hearing: speak clearly", "Uses a hearing loop",
         "Large print letters", "Needs a carer present", "Needs a hoist to transfer", "Guide dog",
         "Easy read letters", "Afraid of needles", "Cannot climb stairs")  # fmt: skip
